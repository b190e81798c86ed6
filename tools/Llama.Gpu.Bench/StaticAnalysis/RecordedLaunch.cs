using System.Globalization;
using System.Text.RegularExpressions;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>A launch as a driver was asked for it.</summary>
/// <param name="Kernel">What was launched.</param>
/// <param name="Grid">Groups.</param>
/// <param name="Group">Lanes.</param>
/// <param name="DynamicSharedBytes">Shared memory beside the kernel's own.</param>
/// <param name="Arguments">The flattened arguments: integers sign-extended, addresses the driver's.</param>
internal sealed partial record RecordedLaunch(CatalogedKernel Kernel, Index3D Grid, Index3D Group, int DynamicSharedBytes, long[] Arguments)
{
    private static readonly Dictionary<string, CatalogedKernel> Kernels =
        KernelCatalog.OfGpus.ToDictionary(kernel => KernelName.Identifier(kernel.Method));

    /// <summary>What the kernel is compiled for when it is launched like this.</summary>
    public KernelVariant Variant
    {
        get
        {
            IReadOnlyList<FlatArgument> layout = ArgumentLayout.Of(Kernel.Method);
            return new(
                ArgumentMultiples.Of(Arguments, ArgumentMultiples.All(layout)),
                SpecializedArguments.Of(SpecializedArguments.Indices(layout), Arguments));
        }
    }

    /// <summary>The launches of the catalog's kernels in the log of the driver that tests use (<c>fake_driver.c</c>), in their order.</summary>
    public static IEnumerable<RecordedLaunch> Parse(string log)
    {
        ArgumentNullException.ThrowIfNull(log);
        foreach (Match match in Line().Matches(log))
        {
            if (!Kernels.TryGetValue(match.Groups[1].Value, out CatalogedKernel? kernel))
            {
                continue;
            }

            int Number(int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
            string[] arguments = match.Groups[9].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            IReadOnlyList<FlatArgument> layout = ArgumentLayout.Of(kernel.Method);
            yield return new(
                kernel,
                new(Number(2), Number(3), Number(4)),
                new(Number(5), Number(6), Number(7)),
                Number(8),
                [.. arguments.Zip(layout, (text, argument) => Value(text, argument.Parameter.Type))]);
        }
    }

    private static long Value(string text, IrType type)
    {
        long bits = long.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return type.Kind == IrKind.I32 ? (int)bits : bits;
    }

    [GeneratedRegex(@"^(\w+) (\d+) (\d+) (\d+) / (\d+) (\d+) (\d+) / (\d+):(.*)$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
