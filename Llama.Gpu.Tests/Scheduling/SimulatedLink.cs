using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>
/// A device with a virtual clock: copies run one after the other over a link of some bandwidth, kernels one after the other, and each
/// waits for the other as events would have it. No time passes; what would have is added up.
/// </summary>
internal sealed class SimulatedLink(int slots, double linkBytesPerSecond, Func<WeightPiece, double> computeSeconds) : SlotLink
{
    private readonly Lock _clock = new();
    private readonly double[] _filled = new double[slots];
    private readonly double[] _used = new double[slots];
    private double _linkFree;
    private double _computeFree;

    // one reader, so that copies are queued in the order of the pass
    public override int ReaderCount => 1;

    /// <summary>When the kernels launched so far would be done.</summary>
    public double Now
    {
        get
        {
            lock (_clock)
            {
                return _computeFree;
            }
        }
    }

    public override void Fill(int slot, WeightPiece piece, IWeightReader reader, CancellationToken cancellationToken)
    {
        lock (_clock)
        {
            _linkFree = Math.Max(_linkFree, _used[slot]) + (piece.Bytes / linkBytesPerSecond);
            _filled[slot] = _linkFree;
        }
    }

    public override void BeginUse(int slot)
    {
        lock (_clock)
        {
            _computeFree = Math.Max(_computeFree, _filled[slot]);
        }
    }

    public override void EndUse(int slot)
    {
        lock (_clock)
        {
            _used[slot] = _computeFree;
        }
    }

    /// <summary>Runs the kernels of a piece, streamed or resident.</summary>
    public void Compute(WeightPiece piece)
    {
        lock (_clock)
        {
            _computeFree += computeSeconds(piece);
        }
    }

    public override void Drain()
    {
    }

    public override void Dispose()
    {
    }
}
