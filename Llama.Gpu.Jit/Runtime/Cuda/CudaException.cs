using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>A call into NVIDIA's driver that failed, or PTX that its assembler refuses.</summary>
public sealed class CudaException : AcceleratorException
{
    internal CudaException(string call, CudaError error, string? details = null)
        : base(AcceleratorType.Cuda, $"{call} gave {Describe(error)}{(details is null ? string.Empty : $": {details}")}")
    {
        Call = call;
        Error = error;
    }

    /// <summary>The function, such as <c>cuModuleLoadDataEx</c>.</summary>
    public string Call { get; }

    /// <summary>Its code.</summary>
    public CudaError Error { get; }

    internal static void ThrowIfFailed(CudaError error, string call, string? details = null)
    {
        if (error != CudaError.Success)
        {
            throw new CudaException(call, error, details);
        }
    }

    /// <summary>The code with the driver's own name and sentence for it.</summary>
    internal static unsafe string Describe(CudaError error)
    {
        byte* name;
        byte* text;
        return CudaNative.cuGetErrorName(error, &name) == CudaError.Success
            && CudaNative.cuGetErrorString(error, &text) == CudaError.Success
            ? $"{Marshal.PtrToStringUTF8((nint)name)} ({(int)error}, {Marshal.PtrToStringUTF8((nint)text)})"
            : $"{error} ({(int)error})";
    }
}
