using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// Finds the drivers' libraries under the names that they have on each system. An assembly can have one such resolver, so it is for all of
/// them.
/// </summary>
internal static class NativeLibraries
{
    /// <summary>The name that <c>LibraryImport</c> gives OpenCL's loader.</summary>
    public const string OpenCl = "OpenCL";

    /// <summary>The name that <c>LibraryImport</c> gives NVIDIA's driver.</summary>
    public const string Cuda = "cuda";

    private static readonly Dictionary<string, string[]> Names = new()
    {
        [OpenCl] = ["OpenCL.dll", "libOpenCL.so.1", "libOpenCL.so"],
        [Cuda] = ["nvcuda.dll", "libcuda.so.1", "libcuda.so"],
    };

    private static readonly ConcurrentDictionary<string, nint> Loaded = new();

    // each names the one file to load instead, for a driver that stands elsewhere
    private static readonly Dictionary<string, string> Variables =
        new() { [OpenCl] = "LLAMA_OPENCL_LIBRARY", [Cuda] = "LLAMA_CUDA_LIBRARY" };

    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>Whether a library is on this machine; called before the first call into it.</summary>
    /// <param name="name">One of the names above.</param>
    /// <param name="problem">What was looked for, if it is not.</param>
    public static bool TryLoad(string name, out string? problem)
    {
        bool found = Load(name) != 0;
        var ofThisSystem = Names[name].Where(file => file.EndsWith(".dll", StringComparison.Ordinal) == OperatingSystem.IsWindows());
        problem = found ? null : $"no {string.Join(", ", ofThisSystem)}";
        return found;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => Names.ContainsKey(name) ? Load(name) : 0;

    private static nint Load(string name) => Loaded.GetOrAdd(name, static key =>
    {
        foreach (string file in Environment.GetEnvironmentVariable(Variables[key]) is { Length: > 0 } chosen ? [chosen] : Names[key])
        {
            if (NativeLibrary.TryLoad(file, out nint handle))
            {
                return handle;
            }
        }

        return 0;
    });
}
