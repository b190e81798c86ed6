namespace Llama.Gpu.Jit.Ir;

/// <summary>An error of the compiler itself: a pass or the frontend has made a function that is not well formed.</summary>
public sealed class IrException(string message) : Exception(message);
