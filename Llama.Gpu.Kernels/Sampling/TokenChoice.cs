namespace Llama.Gpu.Kernels;

/// <summary>
/// How a token is chosen from logits: temperature, then top-k, top-p and min-p, then a draw, as transformers has them. The options must be
/// within their ranges.
/// </summary>
/// <param name="Temperature">Logits are divided by it; 0 takes the largest logit.</param>
/// <param name="TopK">Only so many of the largest logits stay; 0 keeps all.</param>
/// <param name="TopP">A token stays if those before it, in descending order, have less than this of the probability; 1 keeps all.</param>
/// <param name="MinP">A token stays if it has at least this share of the largest probability; 0 keeps all.</param>
/// <param name="Seed">Seed of the draw.</param>
/// <param name="Draw">Which of the seed's draws it is.</param>
public readonly record struct TokenChoice(double Temperature, int TopK, double TopP, double MinP, ulong Seed, ulong Draw)
{
    /// <summary>Numbers that a choice is on a device.</summary>
    public const int Length = 6;

    internal const int TemperatureAt = 0;
    internal const int TopKAt = 1;
    internal const int TopPAt = 2;
    internal const int LeastWeightAt = 3;
    internal const int SeedAt = 4;
    internal const int FirstDrawAt = 5;

    /// <summary>
    /// The choice as kernels read it. Instead of the draw it has what must be added to the number of positions to get it, so that it stays
    /// the same from token to token.
    /// </summary>
    /// <param name="positions">Positions of the sequence with the tokens whose logits are given.</param>
    public long[] Encode(int positions) =>
    [
        BitConverter.DoubleToInt64Bits(Temperature),
        TopK,
        BitConverter.DoubleToInt64Bits(TopP),
        Math.Max(1, ExactWeights.OfShare(MinP)),
        unchecked((long)Seed),
        unchecked((long)(Draw - (ulong)positions)),
    ];
}
