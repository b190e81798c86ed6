namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>For whom a vector waits at a place.</summary>
internal enum WaitScope
{
    /// <summary>The vectors of its group.</summary>
    Group,

    /// <summary>Those of its warp.</summary>
    Warp,

    /// <summary>Whoever completes a phase.</summary>
    Phase,
}
