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
/// <param name="Arguments">The flattened arguments: integers sign-extended, addresses the driver's; 0 for a tensor map.</param>
internal sealed partial record RecordedLaunch(CatalogedKernel Kernel, Index3D Grid, Index3D Group, int DynamicSharedBytes, long[] Arguments)
{
    // as the driver that tests use writes a CUtensorMapDataType
    private const string BFloat16Type = "9";

    private static readonly Dictionary<string, CatalogedKernel> Kernels =
        KernelCatalog.OfGpus.ToDictionary(kernel => KernelName.Identifier(kernel.Method));

    /// <summary>The tensor maps among the arguments, by their place.</summary>
    public IReadOnlyDictionary<int, TensorMapFields> Maps { get; init; } = new Dictionary<int, TensorMapFields>();

    /// <summary>Integers other than 0 in the device's memory, by address.</summary>
    public IReadOnlyDictionary<long, int> Integers { get; init; } = new Dictionary<long, int>();

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
            string[] arguments = [.. Argument().Matches(match.Groups[9].Value).Select(argument => argument.Value)];
            IReadOnlyList<FlatArgument> layout = ArgumentLayout.Of(kernel.Method);
            yield return new(
                kernel,
                new(Number(2), Number(3), Number(4)),
                new(Number(5), Number(6), Number(7)),
                Number(8),
                [.. arguments.Zip(layout, (text, argument) => argument.Part == ArgumentPart.TensorMap ? 0 : Value(text, argument.Parameter.Type))])
            {
                Maps = layout.Index().Where(argument => argument.Item.Part == ArgumentPart.TensorMap)
                    .ToDictionary(argument => argument.Index, argument => Map(arguments[argument.Index])),
            };
        }
    }

    private static long Value(string text, IrType type)
    {
        long bits = long.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return type.Kind == IrKind.I32 ? (int)bits : bits;
    }

    private static TensorMapFields Map(string text)
    {
        GroupCollection found = TensorMapText().Match(text).Groups;
        int Number(int group) => int.Parse(found[group].ValueSpan, CultureInfo.InvariantCulture);
        long address = long.Parse(found[4].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return new(address, Number(2), Number(3), Number(5), found[1].Value == BFloat16Type);
    }

    [GeneratedRegex(@"^(\w+) (\d+) (\d+) (\d+) / (\d+) (\d+) (\d+) / (\d+):(.*)$", RegexOptions.Multiline)]
    private static partial Regex Line();

    [GeneratedRegex("<[^>]*>|[0-9a-f]+")]
    private static partial Regex Argument();

    [GeneratedRegex(@"^<type (\d+), (\d+) x (\d+) at ([0-9a-f]+), box (\d+) x ")]
    private static partial Regex TensorMapText();
}
