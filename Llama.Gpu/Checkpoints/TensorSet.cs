using Llama.Gpu.Json;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>The tensors of an opened checkpoint, checked against its configuration, and the files they lie in.</summary>
/// <param name="directory">The checkpoint's folder, for messages.</param>
internal sealed class TensorSet(string directory) : IDisposable
{
    private readonly OrderedDictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<TensorInfo, TensorContent> _content = new(ReferenceEqualityComparer.Instance);
    private readonly List<TensorInfo> _ignored = [];
    private readonly List<IDisposable> _files = [];

    /// <summary>The tensors of the model, in the order of <see cref="TensorNames.Expected"/>.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <summary>Tensors that the files hold and the model does not use.</summary>
    public IReadOnlyList<TensorInfo> Ignored => _ignored;

    /// <summary>Takes a file over: it is closed with the checkpoint.</summary>
    public T Own<T>(T file)
        where T : IDisposable
    {
        _files.Add(file);
        return file;
    }

    /// <summary>Takes the model's tensors out of those that the files hold.</summary>
    /// <param name="config">The model.</param>
    /// <param name="found">What the files hold, by Hugging Face's names; emptied of what is taken.</param>
    /// <param name="listedIn">The file to name where a tensor is missing.</param>
    /// <param name="configFile">Name of the file that the configuration comes from.</param>
    /// <exception cref="CheckpointException">A tensor that is missing, of another shape, or none of the model's.</exception>
    public void Take(LlamaConfig config, Dictionary<string, StoredTensor> found, string listedIn, string configFile)
    {
        foreach (var expected in TensorNames.Expected(config))
        {
            if (!found.Remove(expected.Name, out var tensor))
            {
                throw new CheckpointException(
                    listedIn, $"expected a tensor of shape {TensorShape.Format(expected.Shape)}, found none", expected.Name);
            }

            if (!tensor.Info.Shape.SequenceEqual(expected.Shape))
            {
                throw new CheckpointException(
                    tensor.Info.File,
                    $"expected shape {TensorShape.Format(expected.Shape)} as {configFile} has it, found {TensorShape.Format(tensor.Info.Shape)}",
                    expected.Name);
            }

            _tensors.Add(expected.Name, tensor.Info);
            _content.Add(tensor.Info, tensor.Content);
        }

        foreach (var tensor in found.Values)
        {
            if (!TensorNames.IsIgnored(tensor.Info.Name, config))
            {
                throw new CheckpointException(
                    tensor.Info.File,
                    $"expected only tensors of the model that {configFile} describes, found one of shape {TensorShape.Format(tensor.Info.Shape)}",
                    StrictJson.OneLine(tensor.Info.Name));
            }

            _ignored.Add(tensor.Info);
            _content.Add(tensor.Info, tensor.Content);
        }
    }

    /// <summary>Bytes of one of the tensors: <see cref="Checkpoint.Read"/>.</summary>
    public ReadOnlySpan<byte> Read(TensorInfo tensor, long byteOffset, int byteCount) =>
        ContentOf(tensor, byteOffset, byteCount).Read(byteOffset, byteCount);

    /// <summary>Copies bytes of one of the tensors: <see cref="Checkpoint.CopyTo"/>.</summary>
    public void CopyTo(TensorInfo tensor, long byteOffset, Span<byte> destination) =>
        ContentOf(tensor, byteOffset, destination.Length).Copy(byteOffset, destination);

    /// <summary>Says that bytes of one of the tensors will soon be copied: <see cref="Checkpoint.WillCopy"/>.</summary>
    public void WillCopy(TensorInfo tensor, long byteOffset, long byteCount) =>
        ContentOf(tensor, byteOffset, byteCount).WillCopy(byteOffset, byteCount);

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private TensorContent ContentOf(TensorInfo tensor, long byteOffset, long byteCount)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!_content.TryGetValue(tensor, out var content))
        {
            throw new ArgumentException($"{tensor.Name} in {tensor.File} is no tensor of {directory}", nameof(tensor));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, tensor.ByteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteCount, tensor.ByteLength - byteOffset);
        return content;
    }
}
