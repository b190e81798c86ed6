using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>Memory of one lane. Device side: only inside a kernel, outside loops; the contents are undefined until written.</summary>
public static class LocalMemory
{
    /// <summary>The lane's own array of <paramref name="extent"/> elements; the extent is a compile-time constant.</summary>
    public static ArrayView<T> Allocate<T>(int extent)
        where T : unmanaged => Lane.Active.AllocateLocal<T>(extent);
}
