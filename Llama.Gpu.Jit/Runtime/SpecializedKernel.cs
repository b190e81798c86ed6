using System.Collections.Concurrent;
using System.Reflection;
using Llama.Gpu.Jit.Frontend;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// A kernel compiled once for each set of arguments that are multiples of 16 (<see cref="ArgumentMultiples"/>), when a launch first
/// has it. Past a few such sets the code that takes nothing for granted serves the rest.
/// </summary>
/// <param name="name">The name that errors give the kernel.</param>
/// <param name="method">Its method.</param>
/// <param name="compile">Compiles it for a set.</param>
internal sealed class SpecializedKernel(string name, MethodInfo method, Func<ulong, CompiledKernel> compile) : CompiledKernel(name)
{
    private const int MostVariants = 8;

    private readonly ConcurrentDictionary<ulong, Lazy<CompiledKernel>> _variants = new();
    private readonly ulong _counting = ArgumentMultiples.All(ArgumentLayout.Of(method));

    /// <inheritdoc/>
    public override void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments)
    {
        ulong multiples = ArgumentMultiples.Of(arguments.Values, _counting);
        if (!_variants.ContainsKey(multiples) && _variants.Count >= MostVariants)
        {
            multiples = 0;
        }

        _variants.GetOrAdd(multiples, key => new Lazy<CompiledKernel>(() => compile(key))).Value.Launch(stream, config, arguments);
    }
}
