using System.Reflection;
using System.Runtime.Loader;
using Llama.Gpu.Tests.Infrastructure;

namespace Llama.Gpu.Tests.Jit.Cuda;

/// <summary>
/// A driver made of <c>fake_driver.c</c>. The library and these tests are loaded once more beside themselves, so that the copy
/// finds the fake one and nothing else in the process does.
/// </summary>
internal static class FakeDriver
{
    private const string Variable = "LLAMA_CUDA_LIBRARY";

    private static readonly Lazy<Assembly> Copy = new(Load);

    /// <summary>Runs a static method without parameters of these tests in the copy.</summary>
    public static void Run(string type, string method)
    {
        MethodInfo scenario = Copy.Value.GetType(type, throwOnError: true)!.GetMethod(method)!;
        try
        {
            scenario.Invoke(null, null);
        }
        catch (TargetInvocationException exception) when (exception.InnerException is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(exception.InnerException);
        }
    }

    private static Assembly Load()
    {
        string library = NativeSource.Compile("Jit", "Cuda", "fake_driver.c");
        Assembly tests = new OwnCopies().LoadFromAssemblyPath(typeof(FakeDriver).Assembly.Location);

        // read when the copy first looks for a driver
        Environment.SetEnvironmentVariable(Variable, library);
        try
        {
            tests.GetType(typeof(FakeDriverScenarios).FullName!)!.GetMethod(nameof(FakeDriverScenarios.FindDriver))!.Invoke(null, [library]);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }

        return tests;
    }

    private sealed class OwnCopies() : AssemblyLoadContext("fake driver")
    {
        protected override Assembly? Load(AssemblyName name)
        {
            string path = Path.Combine(AppContext.BaseDirectory, $"{name.Name}.dll");
            bool own = name.Name!.StartsWith("Llama.Gpu", StringComparison.Ordinal);
            return own && File.Exists(path) ? LoadFromAssemblyPath(path) : null;
        }
    }
}
