using System.Buffers;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

/// <summary>
/// Device memory of one sequence: its KV cache, and the activations of a chunk of up to T tokens.
/// Activations are f32; the cache has the type it was made with.
/// </summary>
internal sealed class DecoderState : IDisposable
{
    private readonly List<IDisposable> _buffers = [];
    private readonly DeviceBudget _budget;
    private readonly long _scoreCount;
    private readonly ArrayView<int> _step;
    private ArrayView<float>? _scores;

    /// <param name="budget">Where the memory is taken.</param>
    /// <param name="config">The model.</param>
    /// <param name="contextLength">Positions S the cache has room for.</param>
    /// <param name="chunkLength">Tokens T that are computed at once.</param>
    /// <param name="cacheType">Type of the KV cache.</param>
    /// <param name="attentionPartLength">What <see cref="Attention.PartLength"/> says of the model.</param>
    /// <param name="productScratchLength">What <see cref="MatMul.ScratchLength"/> says of T tokens and the longest input.</param>
    /// <param name="sliceWidth">Most rows of a piece of a matrix; 0 where matrices are whole.</param>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    public DecoderState(
        DeviceBudget budget,
        LlamaConfig config,
        int contextLength,
        int chunkLength,
        TensorType cacheType,
        long attentionPartLength,
        long productScratchLength,
        int sliceWidth)
    {
        _budget = budget;
        _scoreCount = checked((long)config.HeadCount * chunkLength * contextLength);
        ContextLength = contextLength;
        ChunkLength = chunkLength;
        try
        {
            _step = Allocate<int>(chunkLength + 1, 1);
            Arrivals = Allocate<int>(config.HeadCount, 1);
            Arrivals.MemSetToZero();
            Hidden = Allocate<float>(chunkLength, config.HiddenSize);
            Normed = Allocate<float>(chunkLength, config.HiddenSize);
            Query = Allocate<float>(chunkLength, config.QueryWidth);
            Key = Allocate<float>(chunkLength, config.KeyValueWidth);
            Value = Allocate<float>(chunkLength, config.KeyValueWidth);
            Attended = Allocate<float>(chunkLength, config.QueryWidth);
            AttentionParts = Allocate<float>(attentionPartLength, 1);
            ProductScratch = Allocate<float>(productScratchLength, 1);
            Projected = Allocate<float>(chunkLength, config.HiddenSize);
            Gate = Allocate<float>(chunkLength, config.IntermediateSize);
            Up = Allocate<float>(chunkLength, config.IntermediateSize);
            Slice = Allocate<float>(chunkLength, sliceWidth);
            Logits = Allocate<float>(1, config.VocabularySize);

            KeyCache = new WeightView[config.LayerCount];
            ValueCache = new WeightView[config.LayerCount];
            for (int layer = 0; layer < config.LayerCount; layer++)
            {
                long rowBytes = (long)config.KeyValueWidth * cacheType.ElementSize();
                KeyCache[layer] = new(cacheType, Allocate<byte>(contextLength, rowBytes));
                ValueCache[layer] = new(cacheType, Allocate<byte>(contextLength, rowBytes));
            }

            RopeTable rope = RopeTable.Create(config, contextLength);
            Cosines = Allocate<float>(rope.Cosines.Length, 1);
            Sines = Allocate<float>(rope.Sines.Length, 1);
            Cosines.CopyFromCPU(rope.Cosines);
            Sines.CopyFromCPU(rope.Sines);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Positions S the cache has room for.</summary>
    public int ContextLength { get; }

    /// <summary>Tokens T that are computed at once.</summary>
    public int ChunkLength { get; }

    /// <summary>Number of positions that the cache holds.</summary>
    public int Position { get; set; }

    /// <summary>(1) the position of the first token, as kernels read it.</summary>
    public ArrayView<int> DevicePosition => _step.SubView(0, 1);

    /// <summary>(T) token ids.</summary>
    public ArrayView<int> Tokens => _step.SubView(1);

    /// <summary>(heads) zeros: counts of the groups of attention that are done.</summary>
    public ArrayView<int> Arrivals { get; }

    /// <summary>(T, hidden): the residual stream x.</summary>
    public ArrayView<float> Hidden { get; }

    /// <summary>(T, hidden): x after RMSNorm.</summary>
    public ArrayView<float> Normed { get; }

    /// <summary>(T, heads, headDim): queries, not rotated.</summary>
    public ArrayView<float> Query { get; }

    /// <summary>(T, kvHeads, headDim): new keys.</summary>
    public ArrayView<float> Key { get; }

    /// <summary>(T, kvHeads, headDim): new values.</summary>
    public ArrayView<float> Value { get; }

    /// <summary>
    /// (heads, T, positions): attention scores, then probabilities; room for S positions. Only an observer sees them: they grow with
    /// T times S, and are allocated when first asked for.
    /// </summary>
    public ArrayView<float> Scores => _scores ??= Allocate<float>(_scoreCount, 1);

    /// <summary>(T, heads, headDim): values weighted by attention.</summary>
    public ArrayView<float> Attended { get; }

    /// <summary>Room for the parts that attention cuts a long context into.</summary>
    public ArrayView<float> AttentionParts { get; }

    /// <summary>Room for what a matrix product makes of its input.</summary>
    public ArrayView<float> ProductScratch { get; }

    /// <summary>(T, hidden): what attention or the MLP adds to the residual stream.</summary>
    public ArrayView<float> Projected { get; }

    /// <summary>(T, intermediate): gate, then SwiGLU's result.</summary>
    public ArrayView<float> Gate { get; }

    /// <summary>(T, intermediate).</summary>
    public ArrayView<float> Up { get; }

    /// <summary>(T, rows of a piece): what a piece of a matrix gives, before it is put into its columns of the whole.</summary>
    public ArrayView<float> Slice { get; }

    /// <summary>(vocabulary): logits of one position.</summary>
    public ArrayView<float> Logits { get; }

    /// <summary>(S, kvHeads, headDim) for each layer: rotated keys.</summary>
    public WeightView[] KeyCache { get; } = [];

    /// <summary>(S, kvHeads, headDim) for each layer.</summary>
    public WeightView[] ValueCache { get; } = [];

    /// <summary>(S, headDim / 2): cosines of the rotary angles.</summary>
    public ArrayView<float> Cosines { get; }

    /// <summary>(S, headDim / 2): sines of the rotary angles.</summary>
    public ArrayView<float> Sines { get; }

    /// <summary>Position and first id as they stand on the device; null where that is not known.</summary>
    public (int Position, int Token)? Placed { get; set; }

    /// <summary>Brings the ids of a chunk to the device, and where it begins, unless they stand there.</summary>
    public void Place(AcceleratorStream stream, ReadOnlySpan<int> tokens)
    {
        if (tokens.Length == 1 && Placed == (Position, tokens[0]))
        {
            return;
        }

        Placed = null;
        int[] step = ArrayPool<int>.Shared.Rent(tokens.Length + 1);
        step[0] = Position;
        tokens.CopyTo(step.AsSpan(1));
        _step.CopyFromCPU(stream, step.AsSpan(0, tokens.Length + 1));
        ArrayPool<int>.Shared.Return(step);
        Placed = (Position, tokens[0]);
    }

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());

    private ArrayView<T> Allocate<T>(long first, long second)
        where T : unmanaged
    {
        var buffer = _budget.Allocate<T>(checked(first * second), "a session's cache and activations");
        _buffers.Add(buffer);
        return buffer.View;
    }
}
