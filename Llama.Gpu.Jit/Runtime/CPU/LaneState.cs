namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>What a lane of the running group is doing.</summary>
internal enum LaneState
{
    /// <summary>Not begun.</summary>
    Unstarted,

    /// <summary>Holds the baton, or has just been given it.</summary>
    Running,

    /// <summary>Its barrier is complete; it waits for the baton.</summary>
    Ready,

    /// <summary>Waits for its group.</summary>
    AtBarrier,

    /// <summary>Waits for its warp.</summary>
    AtWarpBarrier,

    /// <summary>Waits for its warp to exchange values.</summary>
    AtShuffle,

    /// <summary>Waits for a phase of a barrier.</summary>
    AtPhase,

    /// <summary>Returned.</summary>
    Finished,
}
