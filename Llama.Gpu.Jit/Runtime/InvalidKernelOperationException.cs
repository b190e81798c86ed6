namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// Something that is only possible inside a kernel was tried outside, or a kernel was loaded or launched in a way it cannot be.
/// </summary>
public sealed class InvalidKernelOperationException(string message) : InvalidOperationException(message);
