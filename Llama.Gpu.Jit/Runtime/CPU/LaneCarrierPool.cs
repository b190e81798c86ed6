namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>The carriers of an accelerator: one for the thread that launches, and as many more as lanes were ever suspended at once.</summary>
internal sealed class LaneCarrierPool : IDisposable
{
    private readonly Stack<LaneCarrier> _idle = [];
    private readonly List<LaneCarrier> _all = [];

    public LaneCarrierPool()
    {
        Main = new LaneCarrier(ownThread: false);
        _all.Add(Main);
    }

    /// <summary>The carrier on the launching thread.</summary>
    public LaneCarrier Main { get; }

    public LaneCarrier Take()
    {
        if (_idle.TryPop(out LaneCarrier? carrier))
        {
            return carrier;
        }

        carrier = new LaneCarrier(ownThread: true);
        _all.Add(carrier);
        return carrier;
    }

    public void Return(LaneCarrier carrier) => _idle.Push(carrier);

    public void Dispose() => _all.ForEach(carrier => carrier.Dispose());
}
