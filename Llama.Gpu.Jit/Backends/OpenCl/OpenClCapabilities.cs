namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>What the emitter may use of a device.</summary>
internal sealed record OpenClCapabilities
{
    /// <summary>Lanes of a warp: a number that the accelerator chooses, since lanes exchange values through local memory.</summary>
    public int WarpSize { get; init; } = 32;

    /// <summary>Whether there is f64 (<c>cl_khr_fp64</c>).</summary>
    public bool Float64 { get; init; } = true;

    /// <summary>Whether there is 64-bit add, exchange and compare-exchange (<c>cl_khr_int64_base_atomics</c>).</summary>
    public bool Int64Atomics { get; init; } = true;

    /// <summary>Whether there is 64-bit min, max, and, or, xor (<c>cl_khr_int64_extended_atomics</c>).</summary>
    public bool Int64ExtendedAtomics { get; init; } = true;

    /// <summary>Everything: for looking at code where no device is.</summary>
    public static OpenClCapabilities Full { get; } = new();
}
