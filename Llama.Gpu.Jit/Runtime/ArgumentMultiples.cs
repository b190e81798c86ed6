using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// What a compilation takes for granted of a launch's arguments: which addresses are multiples of 16 bytes, and which integers
/// multiples of 16. Rows are then known to be aligned, and neighbouring loads become wide ones. A bit for each argument.
/// </summary>
internal static class ArgumentMultiples
{
    /// <summary>What addresses and integers are tested for.</summary>
    public const int Multiple = 16;

    private const int MaxArguments = 64;

    /// <summary>Every argument that can be a multiple is one.</summary>
    public static ulong All(IReadOnlyList<FlatArgument> arguments)
    {
        ulong mask = 0;
        for (int i = 0; i < Math.Min(arguments.Count, MaxArguments); i++)
        {
            mask |= Counts(arguments[i]) ? 1UL << i : 0;
        }

        return mask;
    }

    /// <summary>The arguments of a launch that are multiples, among those of a mask.</summary>
    public static ulong Of(ReadOnlySpan<long> values, ulong among)
    {
        ulong mask = 0;
        for (int i = 0; i < Math.Min(values.Length, MaxArguments); i++)
        {
            mask |= values[i] % Multiple == 0 ? 1UL << i : 0;
        }

        return mask & among;
    }

    /// <summary>A mask as the passes take it.</summary>
    public static Dictionary<int, int> ToMultiples(ulong mask) =>
        Enumerable.Range(0, MaxArguments).Where(i => (mask >> i & 1) != 0).ToDictionary(i => i, _ => Multiple);

    // the length of a view is in no address
    private static bool Counts(FlatArgument argument) => argument.Part switch
    {
        ArgumentPart.ViewAddress => true,
        ArgumentPart.ViewLength => false,
        _ => argument.Parameter.Type.Kind is IrKind.I32 or IrKind.I64,
    };
}
