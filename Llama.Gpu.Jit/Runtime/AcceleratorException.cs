namespace Llama.Gpu.Jit.Runtime;

/// <summary>An error of a device or its driver.</summary>
public class AcceleratorException(AcceleratorType acceleratorType, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The kind of accelerator it comes from.</summary>
    public AcceleratorType AcceleratorType { get; } = acceleratorType;
}
