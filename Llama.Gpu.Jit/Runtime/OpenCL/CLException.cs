namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A call into OpenCL that failed, or a program that its compiler refuses.</summary>
public sealed class CLException : AcceleratorException
{
    internal CLException(string call, CLError error, string? details = null)
        : base(AcceleratorType.OpenCL, $"{call} gave {error} ({(int)error}){(details is null ? string.Empty : $": {details}")}")
    {
        Call = call;
        Error = error;
    }

    /// <summary>The function, such as <c>clBuildProgram</c>.</summary>
    public string Call { get; }

    /// <summary>Its code.</summary>
    public CLError Error { get; }

    internal static void ThrowIfFailed(CLError error, string call, string? details = null)
    {
        if (error != CLError.Success)
        {
            throw new CLException(call, error, details);
        }
    }
}
