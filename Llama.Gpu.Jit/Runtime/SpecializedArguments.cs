using System.Globalization;
using Llama.Gpu.Jit.Frontend;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// The arguments of a launch that are <see cref="SpecializedValue{T}"/>s: a compilation has them as constants. Two are equal if their
/// values are; compared are only those of one kernel.
/// </summary>
internal sealed class SpecializedArguments : IEquatable<SpecializedArguments>
{
    /// <summary>No value is a constant: what a kernel without such arguments is compiled for, or with them as any others.</summary>
    public static readonly SpecializedArguments None = new([], []);

    private readonly int[] _indices;
    private readonly long[] _values;

    private SpecializedArguments(int[] indices, long[] values)
    {
        _indices = indices;
        _values = values;
    }

    /// <summary>The value of each parameter that is a constant, by its number.</summary>
    public IReadOnlyDictionary<int, long> Constants => _indices.Zip(_values).ToDictionary(pair => pair.First, pair => pair.Second);

    /// <summary>The numbers of a kernel's flattened arguments that are specialized.</summary>
    public static int[] Indices(IReadOnlyList<FlatArgument> arguments) =>
        [.. Enumerable.Range(0, arguments.Count).Where(i => arguments[i].IsSpecialized)];

    /// <summary>The values of a launch.</summary>
    /// <param name="indices">What <see cref="Indices"/> gave for the kernel.</param>
    /// <param name="arguments">Every flattened argument.</param>
    public static SpecializedArguments Of(int[] indices, ReadOnlySpan<long> arguments)
    {
        if (indices.Length == 0)
        {
            return None;
        }

        long[] values = new long[indices.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = arguments[indices[i]];
        }

        return new(indices, values);
    }

    /// <inheritdoc/>
    public bool Equals(SpecializedArguments? other) => other is not null && _values.AsSpan().SequenceEqual(other._values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SpecializedArguments);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (long value in _values)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    /// <summary>Number and value of each, as keys of the cache have them.</summary>
    public override string ToString() =>
        string.Join(' ', _indices.Zip(_values, (index, value) => string.Create(CultureInfo.InvariantCulture, $"{index}={value:x}")));
}
