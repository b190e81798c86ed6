using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>NVIDIA's assembler, where this machine has it: from the variable PTXAS, or where get-ptxas puts it.</summary>
internal static partial class PtxAssembler
{
    /// <summary>Its path, or null.</summary>
    public static string? Path { get; } = new[]
    {
        Environment.GetEnvironmentVariable("PTXAS"),
        System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache/ptxas/usr/bin/ptxas"),
    }.FirstOrDefault(File.Exists);

    /// <summary>Ends the test as ignored if there is no assembler.</summary>
    public static void Require()
    {
        if (Path is null)
        {
            Assert.Ignore("ptxas is not here; .ci/run brings it, or PTXAS names it");
        }
    }

    /// <summary>Assembles a module with one kernel and says what it takes.</summary>
    public static Usage Assemble(string text, string architecture)
    {
        Require();
        using var folder = new TemporaryFolder();
        string source = System.IO.Path.Combine(folder.Path, "kernel.ptx");
        File.WriteAllText(source, text);
        (int code, string output) = Run(Path!, ["-v", "-arch", architecture, "-o", System.IO.Path.Combine(folder.Path, "kernel.cubin"), source]);
        Assert.That(code, Is.Zero, $"{output}\n{text}");
        Assert.That(output, Does.Not.Contain("Potential Performance Loss").And.Not.Contain("setmaxnreg"), "what the assembler gives up");
        return new Usage(
            Number(RegistersPattern().Match(output)), Number(StackPattern().Match(output)),
            Number(StoresPattern().Match(output)), Number(LoadsPattern().Match(output)));
    }

    /// <summary>The machine code of a module, as text.</summary>
    public static string Disassemble(string text, string architecture)
    {
        Require();
        using var folder = new TemporaryFolder();
        string source = System.IO.Path.Combine(folder.Path, "kernel.ptx");
        string binary = System.IO.Path.Combine(folder.Path, "kernel.cubin");
        File.WriteAllText(source, text);
        (int code, string output) = Run(Path!, ["-arch", architecture, "-o", binary, source]);
        Assert.That(code, Is.Zero, output);
        return Run(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, "nvdisasm"), ["-c", binary]).Output;
    }

    private static (int Code, string Output) Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    private static int Number(Match match) =>
        match.Success ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : throw new InvalidOperationException("ptxas has said nothing of it");

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex RegistersPattern();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex StackPattern();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex StoresPattern();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex LoadsPattern();

    /// <summary>What a kernel takes.</summary>
    internal sealed record Usage(int Registers, int StackBytes, int SpillStoreBytes, int SpillLoadBytes);
}
