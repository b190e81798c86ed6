using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;

namespace Llama.Gpu.Scheduling;

/// <summary>A model's weights as its plan has them: some on the device, the others streamed. Owns their device memory.</summary>
internal sealed class PlannedWeights : IWeightSource, IDisposable
{
    private readonly MemoryPlan _plan;
    private readonly IWeightReader _reader;
    private readonly List<IDisposable> _memory = [];

    // of each step, its pieces; null where one is streamed
    private readonly MatrixRows[]?[][] _resident;
    private readonly WeightStreamer? _streamer;
    private readonly DeviceMemory<byte>[] _slots = [];
    private byte[] _row = [];

    /// <summary>Loads what is resident and begins to read ahead what is not.</summary>
    /// <param name="plan">What is to be where.</param>
    /// <param name="budget">Where device memory is taken.</param>
    /// <param name="reader">Where weights are read, now and while streaming.</param>
    /// <param name="compute">The stream that kernels run on.</param>
    /// <param name="progress">Told the bytes of each part that has been loaded.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    public PlannedWeights(
        MemoryPlan plan,
        DeviceBudget budget,
        IWeightReader reader,
        AcceleratorStream compute,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        _plan = plan;
        _reader = reader;
        var loader = new WeightLoader(plan.Layout, budget, reader, _memory, progress, cancellationToken);
        try
        {
            Small = loader.LoadSmall();
            _resident = [.. plan.Steps.Select(loader.LoadResident)];
            if (plan.EmbeddingIsResident)
            {
                Embedding = plan.Layout.Config.TieWordEmbeddings ? _resident[^1][0]![0].Weight : loader.Load(plan.Layout.Embedding.Tensor);
            }

            if (plan.Streams)
            {
                _slots = new DeviceMemory<byte>[plan.SlotCount * MemoryPlan.PiecesPerSlot];
                for (int i = 0; i < _slots.Length; i++)
                {
                    _slots[i] = budget.Allocate<byte>(plan.SlotBytes / MemoryPlan.PiecesPerSlot, "a staging slot");
                    _memory.Add(_slots[i]);
                }

                var layers = plan.Steps.SkipLast(1).SelectMany(step => step.Streamed);
                _streamer = new WeightStreamer(layers, plan.Steps[^1].Streamed, _slots.Length, SlotLink.For(compute, _slots), reader);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public LlamaWeights Small { get; }

    /// <inheritdoc/>
    public WeightView? Embedding { get; }

    /// <summary>What streaming has done so far.</summary>
    public StreamingFigures Figures => _streamer?.Figures ?? default;

    /// <inheritdoc/>
    public void BeginPass(bool withHead) => _streamer?.BeginPass(withHead);

    /// <inheritdoc/>
    public int PieceCount(int step) => _plan.Steps[step].Pieces.Length;

    /// <inheritdoc/>
    public WeightLease Take(int step, int piece, CancellationToken cancellationToken)
    {
        if (_resident[step][piece] is { } resident)
        {
            return new WeightLease(resident, streamer: null);
        }

        WeightPiece streamed = _plan.Steps[step].Pieces[piece];
        int slot = _streamer!.Take(streamed, cancellationToken);
        return new WeightLease(WeightLoader.RowsIn(streamed, _slots[slot].View), _streamer);
    }

    /// <summary>Takes streamed pieces as a pass with the head does, and computes nothing.</summary>
    /// <param name="bytes">How much to bring at least; a pass at most.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>Bytes of the pieces taken.</returns>
    public long StreamOnly(long bytes, CancellationToken cancellationToken)
    {
        long taken = 0;
        BeginPass(withHead: true);
        for (int step = 0; step < _resident.Length; step++)
        {
            for (int piece = 0; piece < _resident[step].Length; piece++)
            {
                if (taken >= bytes)
                {
                    return taken;
                }

                if (_resident[step][piece] is null)
                {
                    Take(step, piece, cancellationToken).Dispose();
                    taken += _plan.Steps[step].Pieces[piece].Bytes;
                }
            }
        }

        return taken;
    }

    /// <inheritdoc/>
    public void GatherEmbedding(ReadOnlySpan<int> tokens, Span<float> hidden)
    {
        StepMatrix table = _plan.Layout.Embedding;
        if (_row.Length == 0)
        {
            _row = new byte[table.RowBytes];
        }

        for (int i = 0; i < tokens.Length; i++)
        {
            _reader.Read(table.Tensor, tokens[i] * table.RowBytes, _row);
            Widen(table.Type, _row, hidden.Slice(i * table.RowLength, table.RowLength));
        }
    }

    public void Dispose()
    {
        _streamer?.Dispose();
        _memory.ForEach(memory => memory.Dispose());
    }

    private static void Widen(TensorType type, ReadOnlySpan<byte> source, Span<float> target)
    {
        if (type == TensorType.Float32)
        {
            MemoryMarshal.Cast<byte, float>(source).CopyTo(target);
            return;
        }

        ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(source);
        for (int i = 0; i < target.Length; i++)
        {
            target[i] = type == TensorType.BFloat16
                ? BitConverter.UInt32BitsToSingle((uint)bits[i] << 16)
                : (float)BitConverter.UInt16BitsToHalf(bits[i]);
        }
    }
}
