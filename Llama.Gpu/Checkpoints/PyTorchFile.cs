using System.Collections.Immutable;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A file of PyTorch's (<c>.pth</c>, <c>.bin</c>): a zip archive with a pickle that describes a dictionary of tensors, and
/// their storages as files, used in place. Several tensors may share a storage, and a tensor may lie in it in any order.
/// </summary>
/// <remarks>The format since PyTorch 1.6; the one before it (a bare pickle) is refused.</remarks>
internal sealed class PyTorchFile : IDisposable
{
    private const int LongestPickle = 16 << 20;

    private readonly IByteSource _file;

    private PyTorchFile(IByteSource file)
    {
        _file = file;
        if (!ZipDirectory.IsZip(file))
        {
            throw new CheckpointException(file.Path, "expected a zip archive as PyTorch writes it since version 1.6, found another file");
        }

        var archive = ZipDirectory.Read(file);
        string root = FindRoot(archive);
        if (archive.Entries.TryGetValue(root + "byteorder", out var order)
            && !file.Read(order.Offset, (int)Math.Min(order.Length, 16)).SequenceEqual("little"u8))
        {
            throw new CheckpointException(file.Path, "expected little-endian data, found another byte order", "byteorder");
        }

        var pickle = archive.Entries[root + StateDictionary.PickleName];
        if (pickle.Length > LongestPickle)
        {
            throw new CheckpointException(
                file.Path, $"expected at most {LongestPickle} bytes, found {pickle.Length}", StateDictionary.PickleName);
        }

        if (PickleReader.Read(file.Read(pickle.Offset, (int)pickle.Length), file.Path) is not PickleDictionary dictionary)
        {
            throw new CheckpointException(file.Path, "expected a dictionary of tensors, found something else", StateDictionary.PickleName);
        }

        Tensors = [.. ReadTensors(dictionary, archive, root)];
    }

    /// <summary>The tensors in the file's order.</summary>
    public ImmutableArray<StoredTensor> Tensors { get; }

    /// <summary>Opens and maps a file, and reads what it holds.</summary>
    /// <exception cref="CheckpointException">No such file, one that is malformed, or one that asks for more than tensors.</exception>
    public static PyTorchFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return new PyTorchFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads what a file holds; the file stays the caller's.</summary>
    /// <exception cref="CheckpointException">Malformed, or asks for more than tensors.</exception>
    public static PyTorchFile Read(IByteSource file) => new(file);

    /// <inheritdoc/>
    public void Dispose() => (_file as IDisposable)?.Dispose();

    // the archive's folder is named after the file it was first written to
    private string FindRoot(ZipDirectory archive)
    {
        string[] pickles =
        [
            .. archive.Entries.Keys.Where(name => name.EndsWith("/" + StateDictionary.PickleName, StringComparison.Ordinal)),
        ];
        return pickles is [var only]
            ? only[..^StateDictionary.PickleName.Length]
            : throw new CheckpointException(_file.Path, $"expected one {StateDictionary.PickleName} in the archive, found {pickles.Length}");
    }

    private IEnumerable<StoredTensor> ReadTensors(PickleDictionary dictionary, ZipDirectory archive, string root)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in dictionary.Entries)
        {
            if (key is not string name || value is not PickleTensor tensor)
            {
                throw new CheckpointException(
                    _file.Path, "expected a tensor by its name, found something else", key is string text ? StrictJson.OneLine(text) : null);
            }

            string subject = StrictJson.OneLine(name);
            if (!names.Add(name))
            {
                throw new CheckpointException(_file.Path, "expected each tensor once, found it twice", subject);
            }

            if (!archive.Entries.TryGetValue($"{root}data/{tensor.Storage.Key}", out var storage))
            {
                throw new CheckpointException(
                    _file.Path, $"expected its storage data/{StrictJson.OneLine(tensor.Storage.Key)} in the archive, found none", subject);
            }

            yield return ReadTensor(name, tensor, storage, subject);
        }
    }

    private StoredTensor ReadTensor(string name, PickleTensor tensor, ZipEntry storage, string subject)
    {
        var type = StateDictionary.TypeOf(tensor.Storage) ?? throw new CheckpointException(
            _file.Path, $"expected a tensor in f32, f16 or bf16, found one over a {tensor.Storage.TypeName}", subject);
        int size = type.ElementSize();
        if (storage.Length % size != 0 || storage.Length / size != tensor.Storage.Count)
        {
            throw new CheckpointException(
                _file.Path, $"expected a storage of {tensor.Storage.Count} elements of {size} bytes, found {storage.Length} bytes", subject);
        }

        // overlapping strides can make a tensor much larger than the file it is in
        long count = tensor.Shape.Aggregate(1L, (product, extent) => product * extent);
        if (count > tensor.Storage.Count)
        {
            throw new CheckpointException(
                _file.Path, $"expected no element to be there more than once, found {count} over a storage of {tensor.Storage.Count}", subject);
        }

        long start = storage.Offset + tensor.Offset * size;
        var info = new TensorInfo(name, type, [.. tensor.Shape], _file.Path, start, count * size);
        TensorContent content = IsDense(tensor)
            ? new DenseContent(_file, start, info.ByteLength)
            : new StridedContent(_file, start, size, tensor.Shape, tensor.Strides);
        return new StoredTensor(info, content);
    }

    // as rows one after another; the stride of a dimension with one index says nothing
    private static bool IsDense(PickleTensor tensor)
    {
        long stride = 1;
        for (int i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] == 0)
            {
                return true;
            }

            if (tensor.Shape[i] != 1 && tensor.Strides[i] != stride)
            {
                return false;
            }

            stride *= tensor.Shape[i];
        }

        return true;
    }
}
