namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>
/// A kernel as OpenCL C. Its arguments are the function's parameters in order, a pointer as a buffer and an offset in bytes (i64),
/// then those of <see cref="UsesExchange"/>, <see cref="UsesDynamicShared"/> and <see cref="UsesDynamicBytes"/> that are true, in this
/// order.
/// </summary>
/// <param name="EntryPoint">Name of the kernel function in the text.</param>
/// <param name="Text">The program.</param>
/// <param name="UsesExchange">Takes local memory for exchanges between lanes: <see cref="ExchangeBytesPerLane"/> for each lane of the
/// group.</param>
/// <param name="UsesDynamicShared">Takes local memory: the dynamic shared memory of the launch.</param>
/// <param name="UsesDynamicBytes">Takes an i32: the bytes of dynamic shared memory.</param>
/// <param name="StaticSharedBytes">Local memory that the kernel declares itself.</param>
internal sealed record OpenClKernel(
    string EntryPoint, string Text, bool UsesExchange, bool UsesDynamicShared, bool UsesDynamicBytes, int StaticSharedBytes)
{
    /// <summary>Two slots of the widest scalar: lanes may still read one while others write the next.</summary>
    public const int ExchangeBytesPerLane = 16;
}
