namespace Llama.Gpu.Kernels;

/// <summary>What a reduction does with two values.</summary>
internal interface IReduction
{
    /// <summary>Combines two values; associative but for rounding.</summary>
    static abstract float Combine(float first, float second);
}

/// <summary>Adds.</summary>
internal readonly struct SumReduction : IReduction
{
    /// <inheritdoc/>
    public static float Combine(float first, float second) => first + second;
}

/// <summary>Keeps the larger; NaN if either is.</summary>
internal readonly struct MaxReduction : IReduction
{
    /// <inheritdoc/>
    public static float Combine(float first, float second) => XMath.Max(first, second);
}

/// <summary>Reductions over the lanes of a warp. Called in group-uniform control flow.</summary>
internal static class WarpReduction
{
    /// <summary>Lanes this warp has: fewer than the warp size in the last warp of a group that is no multiple of it.</summary>
    public static int LaneCount() => IntrinsicMath.Min(Warp.WarpSize, Group.DimX - (Warp.WarpIdx * Warp.WarpSize));

    /// <summary>Combines the values of the warp's lanes; the result is valid in its first lane.</summary>
    public static float Reduce<TReduction>(float value)
        where TReduction : struct, IReduction
    {
        int lane = Warp.LaneIdx;
        int lanes = LaneCount();
        for (int offset = Warp.WarpSize >> 1; offset > 0; offset >>= 1)
        {
            float other = Warp.ShuffleDown(value, offset);
            if (lane + offset < lanes)
            {
                value = TReduction.Combine(value, other);
            }
        }

        return value;
    }
}

/// <summary>Reductions over the lanes of a group. Called in group-uniform control flow.</summary>
internal static class GroupReduction
{
    /// <summary>Warps a group may have: the length of the shared memory that a reduction needs.</summary>
    public const int MaxWarps = 32;

    /// <summary>Combines the values of the group's lanes; the result is valid in every lane. Ends with a barrier.</summary>
    /// <param name="value">This lane's value.</param>
    /// <param name="scratch"><see cref="MaxWarps"/> elements of shared memory, free to use again afterwards.</param>
    public static float Reduce<TReduction>(float value, ArrayView<float> scratch)
        where TReduction : struct, IReduction
    {
        if (Group.DimX == 1)
        {
            return value;
        }

        float ofWarp = WarpReduction.Reduce<TReduction>(value);
        int warps = IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize);
        if (warps == 1)
        {
            return Warp.Shuffle(ofWarp, 0);
        }

        if (Warp.IsFirstLane)
        {
            scratch[Warp.WarpIdx] = ofWarp;
        }

        Group.Barrier();

        // Every lane combines the few values itself, in one order: no second round of shuffles, no broadcast.
        float ofGroup = scratch[0];
        for (int warp = 1; warp < warps; warp++)
        {
            ofGroup = TReduction.Combine(ofGroup, scratch[warp]);
        }

        Group.Barrier();
        return ofGroup;
    }
}
