using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// Memory that the lanes of a group share. Device side: only inside a kernel, outside loops, in group-uniform control flow;
/// the contents are undefined until written.
/// </summary>
public static class SharedMemory
{
    /// <summary>The group's own array of <paramref name="extent"/> elements; the extent is a compile-time constant.</summary>
    public static ArrayView<T> Allocate<T>(int extent)
        where T : unmanaged => Lane.Active.AllocateShared<T>(extent);

    /// <summary>The group's own single element.</summary>
    public static ref T Allocate<T>()
        where T : unmanaged => ref Lane.Active.AllocateShared<T>(1)[0];

    /// <summary>The array whose size the launch requested with <see cref="Runtime.SharedMemoryConfig"/>.</summary>
    public static ArrayView<T> GetDynamic<T>()
        where T : unmanaged => Lane.Active.DynamicShared<T>();
}
