using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// What the lanes of a warp do together. Device side: only inside a kernel, in group-uniform control flow.
/// A source lane outside the warp gives the caller its own value back.
/// </summary>
public static class Warp
{
    /// <summary>Lanes in a warp of this device; 1 where lanes run one after the other.</summary>
    public static int WarpSize => Lane.Active.Group.WarpSize;

    /// <summary>This lane's index in its warp.</summary>
    public static int LaneIdx => Lane.Active.LinearIndex % WarpSize;

    /// <summary>This warp's index in its group.</summary>
    public static int WarpIdx => Lane.Active.LinearIndex / WarpSize;

    /// <summary>Whether this is the warp's first lane.</summary>
    public static bool IsFirstLane => LaneIdx == 0;

    /// <summary>Waits until every lane of the warp is here; what they wrote before is visible to the warp after.</summary>
    public static void Barrier() => Lane.Active.WarpBarrier();

    /// <summary>The value that lane <paramref name="sourceLane"/> of this warp passes.</summary>
    public static T Shuffle<T>(T variable, int sourceLane)
        where T : unmanaged => Lane.Active.WarpExchange(variable, sourceLane);

    /// <summary>The value that the lane <paramref name="delta"/> above passes.</summary>
    public static T ShuffleDown<T>(T variable, int delta)
        where T : unmanaged => Lane.Active.WarpExchange(variable, LaneIdx + delta);

    /// <summary>The value that the lane <paramref name="delta"/> below passes.</summary>
    public static T ShuffleUp<T>(T variable, int delta)
        where T : unmanaged => Lane.Active.WarpExchange(variable, LaneIdx - delta);

    /// <summary>The value that the lane whose index differs in the bits of <paramref name="mask"/> passes.</summary>
    public static T ShuffleXor<T>(T variable, int mask)
        where T : unmanaged => Lane.Active.WarpExchange(variable, LaneIdx ^ mask);

    /// <summary>Gives every lane of the warp the value that one of them passes.</summary>
    public static T Broadcast<T>(T value, int sourceLane)
        where T : unmanaged => Lane.Active.WarpExchange(value, sourceLane);
}
