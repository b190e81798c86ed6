using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

/// <summary>
/// One step of decoding with the choice of the next token on the device: position and id stand there too, so that a step needs nothing
/// from the host and gives back an id. Launched kernel by kernel or, where the accelerator is CUDA's and every weight is resident,
/// replayed as one graph (<see cref="TokenGraph"/>).
/// </summary>
internal sealed class TokenStep : IDisposable
{
    private const string Purpose = "the choice of tokens on the device";

    private readonly List<IDisposable> _memory = [];
    private readonly LlamaModel _model;
    private readonly Decoder _decoder;
    private readonly DecoderState _state;
    private readonly AcceleratorStream _stream;
    private readonly SamplingScratch _scratch;
    private readonly ArrayView<long> _choice;
    private readonly ArrayView<int> _chosen;
    private readonly TokenGraph? _graph;
    private readonly int[] _id = new int[1];
    private long[] _choiceOnDevice = [];

    /// <summary>Whether a session chooses its tokens so.</summary>
    /// <param name="accelerator">Where it runs.</param>
    /// <param name="vocabulary">Tokens to choose from.</param>
    /// <param name="wanted">What was asked for; null for where it pays: logits that lie in the host's memory anyway gain nothing.</param>
    public static bool Serves(Accelerator accelerator, int vocabulary, bool? wanted) =>
        vocabulary <= ExactWeights.MaxVocabulary && (wanted ?? accelerator.AcceleratorType == AcceleratorType.Cuda);

    /// <summary>Device memory that it takes, in bytes.</summary>
    /// <param name="vocabulary">Tokens to choose from.</param>
    public static long BytesFor(int vocabulary) =>
        (sizeof(long) * (SamplingScratch.LongCount(vocabulary) + TokenChoice.Length)) + (sizeof(int) * (SamplingScratch.IntCount(vocabulary) + 1));

    /// <param name="model">The model.</param>
    /// <param name="decoder">Its forward pass.</param>
    /// <param name="state">The sequence.</param>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    public TokenStep(LlamaModel model, Decoder decoder, DecoderState state)
    {
        _model = model;
        _decoder = decoder;
        _state = state;
        _stream = model.Accelerator.DefaultStream;
        int vocabulary = model.Config.VocabularySize;
        try
        {
            ArrayView<long> longs = Allocate<long>(SamplingScratch.LongCount(vocabulary));
            ArrayView<int> ints = Allocate<int>(SamplingScratch.IntCount(vocabulary));
            _scratch = SamplingScratch.Create(longs, ints, vocabulary);
            _choice = Allocate<long>(TokenChoice.Length);
            _chosen = Allocate<int>(1);
            if (_stream is CudaStream stream && !model.Plan.Streams)
            {
                _graph = new TokenGraph((CudaAccelerator)model.Accelerator, stream, _chosen);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>See <see cref="DecoderSession.GraphProblem"/>.</summary>
    public string? GraphProblem => _graph?.Problem;

    /// <summary>Appends tokens and chooses the next.</summary>
    /// <param name="tokens">At most a chunk.</param>
    /// <param name="choice">How.</param>
    /// <param name="cancellationToken">Checked before each layer of what is launched kernel by kernel, and before a graph.</param>
    /// <returns>The id; -1 where no logit is a finite largest one, and <see cref="DecoderState.Logits"/> has them.</returns>
    public int Next(ReadOnlySpan<int> tokens, in TokenChoice choice, CancellationToken cancellationToken)
    {
        Bring(choice, _state.Position + tokens.Length);
        if (tokens.Length == 1 && _graph is not null && _decoder.RunsOnDevicePosition(_state))
        {
            cancellationToken.ThrowIfCancellationRequested();
            _state.Place(_stream, tokens);
            _state.Placed = null;
            _id[0] = _graph.Run(() =>
            {
                _decoder.LaunchToken(_state);
                Choose(1);
            });
            _state.Position++;
        }
        else
        {
            int count = tokens.Length;
            _decoder.Forward(tokens, _state, wantsLogits: true, cancellationToken);
            _decoder.Head(count - 1, _state, cancellationToken);
            _state.Placed = null;
            Choose(count);
            _chosen.CopyToCPU(_stream, _id);
        }

        _state.Placed = (_state.Position, Math.Max(0, _id[0]));
        return _id[0];
    }

    public void Dispose()
    {
        _graph?.Dispose();
        _memory.ForEach(memory => memory.Dispose());
    }

    private void Choose(int tokenCount) => _model.Kernels.TokenSampling.Run(
        _stream,
        _state.Logits,
        _scratch,
        _choice,
        _state.DevicePosition,
        _state.Tokens.SubView(0, 1),
        _chosen,
        _model.Config.VocabularySize,
        tokenCount);

    // stays the same from token to token of a text
    private void Bring(in TokenChoice choice, int positions)
    {
        long[] encoded = choice.Encode(positions);
        if (!encoded.AsSpan().SequenceEqual(_choiceOnDevice))
        {
            _choice.CopyFromCPU(_stream, encoded);
            _choiceOnDevice = encoded;
        }
    }

    private ArrayView<T> Allocate<T>(long length)
        where T : unmanaged
    {
        var buffer = _model.Budget.Allocate<T>(length, Purpose);
        _memory.Add(buffer);
        return buffer.View;
    }
}
