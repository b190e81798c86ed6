namespace Llama.Gpu.Jit;

/// <summary>A kernel that cannot be compiled, since it uses something outside the kernel dialect.</summary>
public sealed class KernelCompilationException : Exception
{
    internal KernelCompilationException(string number, string kernel, string? file, int line, string what, string instead)
        : base($"{number}: kernel {kernel}, {Place(file, line)}: {what}; {instead}")
    {
        Number = number;
        Kernel = kernel;
        File = file;
        Line = line;
    }

    /// <summary>Number of the error, such as <c>JIT0002</c>: one for each kind, so that it can be looked up.</summary>
    public string Number { get; }

    /// <summary>The kernel: <c>Type.Method</c>.</summary>
    public string Kernel { get; }

    /// <summary>The C# file, if the debug information names one.</summary>
    public string? File { get; }

    /// <summary>The line in the file, or 0.</summary>
    public int Line { get; }

    private static string Place(string? file, int line) => file is null ? "unknown line" : $"{Path.GetFileName(file)}:{line}";
}
