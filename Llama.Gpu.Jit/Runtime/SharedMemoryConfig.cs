using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>Dynamic shared memory that a launch requests for each group.</summary>
/// <param name="NumElements">Number of elements.</param>
/// <param name="ElementSize">Bytes of one.</param>
public readonly record struct SharedMemoryConfig(int NumElements, int ElementSize)
{
    /// <summary>None.</summary>
    public static readonly SharedMemoryConfig Empty;

    /// <summary>Number of bytes.</summary>
    public int ArraySize => checked(NumElements * ElementSize);

    /// <summary>Requests room for <paramref name="numElements"/> elements.</summary>
    public static SharedMemoryConfig RequestDynamic<T>(int numElements)
        where T : unmanaged => new(numElements, Unsafe.SizeOf<T>());
}
