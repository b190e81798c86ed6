using System.Diagnostics;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>Libraries that stand in for those of drivers and tools, made of C files among the tests.</summary>
internal static class NativeSource
{
    /// <summary>Makes a library in a folder of its own; where there is no C compiler, the test ends here as ignored.</summary>
    /// <param name="path">The C file, from the tests' folder on.</param>
    /// <returns>The library's path.</returns>
    public static string Compile(params string[] path)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/cc"))
        {
            Assert.Ignore($"there is no C compiler here to make a library of {path[^1]} with");
        }

        string name = Path.GetFileNameWithoutExtension(path[^1]);
        string library = Path.Combine(Directory.CreateTempSubdirectory($"llama-gpu-{name}-").FullName, $"lib{name}.so");
        string source = Path.Combine([RepositoryFolder.Root, "Llama.Gpu.Tests", .. path]);
        using var compiler = Process.Start("/usr/bin/cc", ["-shared", "-fPIC", "-O1", "-Wall", "-pthread", "-o", library, source]);
        compiler.WaitForExit();
        Assert.That(compiler.ExitCode, Is.Zero);
        return library;
    }
}
