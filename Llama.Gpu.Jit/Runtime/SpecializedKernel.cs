using System.Collections.Concurrent;
using System.Reflection;
using Llama.Gpu.Jit.Frontend;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>What a kernel is compiled for: which arguments are multiples of 16, and the values of its specialized ones.</summary>
/// <param name="Multiples">A bit for each argument, as <see cref="ArgumentMultiples"/> has them.</param>
/// <param name="Values">The constants.</param>
internal readonly record struct KernelVariant(ulong Multiples, SpecializedArguments Values);

/// <summary>
/// A kernel compiled for what its launches have in common, when a launch first has it: the values of its
/// <see cref="SpecializedValue{T}"/>s, and where that helps, which arguments are multiples of 16. Past a few sets of multiples the code
/// that takes none for granted serves the rest. Past <see cref="MostValues"/> values, code that takes them as ordinary arguments does;
/// a kernel for which there is no such code, since it needs a constant, goes on to be compiled for each value.
/// </summary>
internal sealed class SpecializedKernel : CompiledKernel
{
    /// <summary>Values, or combinations of them, that a kernel is compiled for before general code serves the rest.</summary>
    public const int MostValues = 32;

    private const int MostAlignments = 8;

    private readonly Func<KernelVariant, CompiledKernel> _compile;
    private readonly ConcurrentDictionary<SpecializedArguments, Alignments> _values = new();
    private readonly Lock _adding = new();
    private readonly int[] _specialized;
    private readonly ulong _counting;
    private bool _needsConstants;

    /// <param name="name">The name that errors give the kernel.</param>
    /// <param name="method">Its method.</param>
    /// <param name="byMultiples">Whether it is compiled for which arguments are multiples of 16.</param>
    /// <param name="compile">Compiles it.</param>
    public SpecializedKernel(string name, MethodInfo method, bool byMultiples, Func<KernelVariant, CompiledKernel> compile)
        : base(name)
    {
        IReadOnlyList<FlatArgument> layout = ArgumentLayout.Of(method);
        _compile = compile;
        _specialized = SpecializedArguments.Indices(layout);
        _counting = byMultiples ? ArgumentMultiples.All(layout) : 0;
    }

    /// <summary>Whether a kernel has arguments that are constants in its code.</summary>
    public static bool Specializes(MethodInfo method) => SpecializedArguments.Indices(ArgumentLayout.Of(method)).Length > 0;

    /// <inheritdoc/>
    public override void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments)
    {
        var values = SpecializedArguments.Of(_specialized, arguments.Values);
        ulong multiples = ArgumentMultiples.Of(arguments.Values, _counting);
        Alignments alignments = _values.TryGetValue(values, out Alignments? known) ? known : Add(values, multiples);
        alignments.Get(multiples).Launch(stream, config, arguments);
    }

    private Alignments Add(SpecializedArguments values, ulong multiples)
    {
        lock (_adding)
        {
            if (_values.TryGetValue(values, out Alignments? known))
            {
                return known;
            }

            if (_values.Count >= MostValues && !_needsConstants && General(multiples) is { } general)
            {
                return general;
            }

            return _values[values] = new(values, _compile);
        }
    }

    private Alignments? General(ulong multiples)
    {
        Alignments general = _values.GetOrAdd(SpecializedArguments.None, none => new(none, _compile));
        try
        {
            general.Get(multiples);
            return general;
        }
        catch (KernelCompilationException)
        {
            _values.TryRemove(SpecializedArguments.None, out _);
            _needsConstants = true;
            return null;
        }
    }

    /// <summary>The code for one set of values, by what else it takes for granted.</summary>
    private sealed class Alignments(SpecializedArguments values, Func<KernelVariant, CompiledKernel> compile)
    {
        private readonly ConcurrentDictionary<ulong, Lazy<CompiledKernel>> _variants = new();

        public CompiledKernel Get(ulong multiples)
        {
            if (_variants.TryGetValue(multiples, out Lazy<CompiledKernel>? known))
            {
                return known.Value;
            }

            ulong compiled = _variants.Count >= MostAlignments ? 0 : multiples;
            return _variants.GetOrAdd(compiled, key => new(() => compile(new(key, values)))).Value;
        }
    }
}
