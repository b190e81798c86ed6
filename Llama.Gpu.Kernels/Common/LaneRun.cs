namespace Llama.Gpu.Kernels;

/// <summary>
/// How many neighbouring elements of a row a lane takes at a time, given as a type argument so that the loop over them is written
/// out. Where a lane is a thread, its elements should fill a load of 128 bits; where lanes are the elements of a vector, one is
/// best, because the lanes' elements then lie side by side.
/// </summary>
public interface ILaneRun
{
    /// <summary>Elements, a power of two.</summary>
    static abstract int Length { get; }
}

/// <summary>One element.</summary>
public readonly struct RunOfOne : ILaneRun
{
    /// <inheritdoc/>
    public static int Length => 1;
}

/// <summary>Four elements: 128 bits of f32.</summary>
public readonly struct RunOfFour : ILaneRun
{
    /// <inheritdoc/>
    public static int Length => 4;
}

/// <summary>Eight elements: 128 bits of f16 or bf16.</summary>
public readonly struct RunOfEight : ILaneRun
{
    /// <inheritdoc/>
    public static int Length => 8;
}
