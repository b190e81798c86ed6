using NUnit.Framework;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>Files too large for the repository, in the folder that the environment variable LLAMA_GPU_DATA names.</summary>
internal static class RealData
{
    private const string Variable = "LLAMA_GPU_DATA";

    /// <summary>The path of such a file; where it is not there, the test ends here as Ignored.</summary>
    /// <param name="relativePath">Within the folder, such as <c>llama3/tokenizer.model</c>.</param>
    public static string PathOf(string relativePath)
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(folder))
        {
            Assert.Ignore($"needs {relativePath}: set {Variable} to a folder that has it");
        }

        string path = Path.Combine(folder!, relativePath);
        if (!File.Exists(path))
        {
            Assert.Ignore($"needs {relativePath}: {Variable} names {folder}, which does not have it");
        }

        return path;
    }
}
