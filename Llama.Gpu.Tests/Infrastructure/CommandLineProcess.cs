using System.Diagnostics;
using Llama.Gpu.Cli;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>The command line as a process of its own.</summary>
internal static class CommandLineProcess
{
    /// <summary>How to start it: by dotnet where that runs the tests, else by the program beside them (<c>tools/gpu-check</c>).</summary>
    public static ProcessStartInfo Start(params string[] line)
    {
        string assembly = typeof(CliConsole).Assembly.Location;
        bool byDotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        return new(byDotnet ? Environment.ProcessPath! : Path.ChangeExtension(assembly, null), [.. byDotnet ? (string[])[assembly] : [], .. line])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
    }
}
