namespace Llama.Gpu.Jit;

/// <summary>
/// An index or a range outside a view. On the host it reaches the caller as it is; inside a kernel it becomes a
/// <see cref="Runtime.KernelIndexOutOfRangeException"/> with the place.
/// </summary>
public sealed class ViewRangeException(string message) : InvalidOperationException(message);
