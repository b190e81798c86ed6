namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>What the emitter may use of a device.</summary>
internal sealed record OpenClCapabilities
{
    /// <summary>Lanes of a warp: a number that the accelerator chooses, unless sub-groups are the warps.</summary>
    public int WarpSize { get; init; } = 32;

    /// <summary>The sub-groups that are the warps; null where lanes exchange values through local memory.</summary>
    public OpenClSubGroups? SubGroups { get; init; }

    /// <summary>Whether there is f64 (<c>cl_khr_fp64</c>).</summary>
    public bool Float64 { get; init; } = true;

    /// <summary>Whether there is 64-bit add, exchange and compare-exchange (<c>cl_khr_int64_base_atomics</c>).</summary>
    public bool Int64Atomics { get; init; } = true;

    /// <summary>Whether there is 64-bit min, max, and, or, xor (<c>cl_khr_int64_extended_atomics</c>).</summary>
    public bool Int64ExtendedAtomics { get; init; } = true;

    /// <summary>
    /// Whether a branch that holds a barrier must end with one. PoCL 3.1 runs what stands between the last barrier of such a branch
    /// and the branch's end as if every lane went the way of the first: loops that only some lanes enter ran for all of them.
    /// </summary>
    public bool ClosesBranches { get; init; }

    /// <summary>
    /// Whether an integer division that C# would refuse (by zero, or of the least integer by -1) must not reach the device:
    /// a processor ends the program at it. It then gives any value, as the IR allows.
    /// </summary>
    public bool GuardsDivision { get; init; }

    /// <summary>Everything but sub-groups, whose functions few devices have: for looking at code where no device is.</summary>
    public static OpenClCapabilities Full { get; } = new();
}
