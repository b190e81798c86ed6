using System.Diagnostics;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>NVIDIA's assembler and disassembler, where this machine has them.</summary>
internal static class NvidiaTools
{
    /// <summary>Names the assembler; the disassembler stands beside it.</summary>
    public const string Variable = "PTXAS";

    /// <summary>The assembler: what the variable names, else what stands in the user's cache, or null.</summary>
    public static string? Assembler { get; } = new[]
    {
        Environment.GetEnvironmentVariable(Variable),
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache/ptxas/usr/bin/ptxas"),
    }.FirstOrDefault(File.Exists);

    /// <summary>Assembles a module with one kernel.</summary>
    /// <param name="text">PTX.</param>
    /// <param name="architecture">Such as <c>sm_90a</c>.</param>
    /// <param name="disassembled">Whether <see cref="AssembledKernel.Code"/> is wanted.</param>
    /// <exception cref="AssemblerException">The assembler refuses it, or is not here.</exception>
    public static AssembledKernel Assemble(string text, string architecture, bool disassembled = false)
    {
        string assembler = Assembler ?? throw new AssemblerException($"no ptxas: {Variable} names it");
        var folder = Directory.CreateTempSubdirectory("llama-gpu-ptx-");
        try
        {
            string source = Path.Combine(folder.FullName, "kernel.ptx");
            string binary = Path.Combine(folder.FullName, "kernel.cubin");
            File.WriteAllText(source, text);
            string said = Run(assembler, "-v", "-lineinfo", "-arch", architecture, "-o", binary, source);
            return new AssembledKernel(
                ResourceUsage.Parse(said),
                disassembled ? Run(Path.Combine(Path.GetDirectoryName(assembler)!, "nvdisasm"), "-c", "-g", binary) : string.Empty,
                said);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The assembler's version, such as <c>V12.8.93</c>.</summary>
    public static string Version() => Run(Assembler ?? throw new AssemblerException("no ptxas"), "--version")
        .Split('\n').LastOrDefault(line => line.Contains('V', StringComparison.Ordinal) && line.Contains("release", StringComparison.Ordinal))
        ?.Split(' ').Last().Trim() ?? "unknown";

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new AssemblerException($"{Path.GetFileName(program)}: {output.Trim()}");
    }
}

/// <summary>A kernel that NVIDIA's assembler has taken.</summary>
/// <param name="Usage">What it takes.</param>
/// <param name="Code">Its machine code as text, with the C# lines as comments.</param>
/// <param name="Messages">What the assembler said.</param>
internal sealed record AssembledKernel(ResourceUsage Usage, string Code, string Messages);

/// <summary>NVIDIA's assembler is not here, or has refused what it was given.</summary>
internal sealed class AssemblerException(string message) : LlamaException(message);
