namespace Llama.Gpu.Kernels;

/// <summary>
/// How many queries <see cref="Attention"/> takes at once, and arithmetic on one number of each. A kernel takes the implementing
/// struct as a type argument, so that it is written once and no call is left in its loops. The default of
/// <typeparamref name="TRow"/> is 0 for every query.
/// </summary>
/// <typeparam name="TRow">One number of each query.</typeparam>
internal interface IQueryRows<TRow>
    where TRow : unmanaged
{
    /// <summary>Queries.</summary>
    static abstract int Count { get; }

    /// <summary>The number of one query.</summary>
    static abstract float Get(TRow numbers, int row);

    /// <summary>The numbers with that of one query replaced.</summary>
    static abstract TRow With(TRow numbers, int row, float value);

    /// <summary><c>sums + numbers * factor</c>.</summary>
    static abstract TRow MultiplyAdd(TRow sums, TRow numbers, float factor);
}

/// <summary>One query.</summary>
internal readonly struct OneRow : IQueryRows<float>
{
    /// <inheritdoc/>
    public static int Count => 1;

    /// <inheritdoc/>
    public static float Get(float numbers, int row) => numbers;

    /// <inheritdoc/>
    public static float With(float numbers, int row, float value) => value;

    /// <inheritdoc/>
    public static float MultiplyAdd(float sums, float numbers, float factor) => sums + (numbers * factor);
}

/// <summary>Four queries: an element of a key or a value fetched once is used four times.</summary>
internal readonly struct FourRows : IQueryRows<Float4>
{
    /// <inheritdoc/>
    public static int Count => 4;

    /// <inheritdoc/>
    public static float Get(Float4 numbers, int row)
    {
        float low = row == 0 ? numbers.X : numbers.Y;
        float high = row == 2 ? numbers.Z : numbers.W;
        return row < 2 ? low : high;
    }

    /// <inheritdoc/>
    public static Float4 With(Float4 numbers, int row, float value) => new(
        row == 0 ? value : numbers.X, row == 1 ? value : numbers.Y, row == 2 ? value : numbers.Z, row == 3 ? value : numbers.W);

    /// <inheritdoc/>
    public static Float4 MultiplyAdd(Float4 sums, Float4 numbers, float factor) => new(
        sums.X + (numbers.X * factor), sums.Y + (numbers.Y * factor), sums.Z + (numbers.Z * factor), sums.W + (numbers.W * factor));
}

/// <summary>Eight queries.</summary>
internal readonly struct EightRows : IQueryRows<Float8>
{
    /// <inheritdoc/>
    public static int Count => 8;

    /// <inheritdoc/>
    public static float Get(Float8 numbers, int row) =>
        row < 4 ? FourRows.Get(numbers.Low, row) : FourRows.Get(numbers.High, row - 4);

    /// <inheritdoc/>
    public static Float8 With(Float8 numbers, int row, float value) =>
        new(FourRows.With(numbers.Low, row, value), FourRows.With(numbers.High, row - 4, value));

    /// <inheritdoc/>
    public static Float8 MultiplyAdd(Float8 sums, Float8 numbers, float factor) =>
        new(FourRows.MultiplyAdd(sums.Low, numbers.Low, factor), FourRows.MultiplyAdd(sums.High, numbers.High, factor));
}
