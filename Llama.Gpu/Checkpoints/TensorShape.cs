using System.Collections.Immutable;
using System.Globalization;

namespace Llama.Gpu.Checkpoints;

/// <summary>Shapes as messages show them.</summary>
internal static class TensorShape
{
    private const int MostShown = 8;

    /// <summary>Such as <c>(4096, 1024)</c>; <c>()</c> for a scalar.</summary>
    public static string Format(ImmutableArray<long> shape)
    {
        string shown = string.Join(", ", shape.Take(MostShown).Select(extent => extent.ToString(CultureInfo.InvariantCulture)));
        return shape.Length > MostShown ? $"({shown}, ... {shape.Length} dimensions)" : $"({shown})";
    }
}
