namespace Llama.Gpu.Model;

/// <summary>
/// The rotary frequencies of a model and their sines and cosines by position. Computed in double precision and rounded once;
/// <c>angle[p, i] = p * frequency[i]</c>, <c>frequency[i] = theta^(-2i / headDim)</c>, stretched as the checkpoint says.
/// </summary>
/// <param name="Cosines">(positions, headDim / 2), row-major.</param>
/// <param name="Sines">(positions, headDim / 2), row-major.</param>
public sealed record RopeTable(float[] Cosines, float[] Sines)
{
    /// <summary>The table for positions 0 to <paramref name="positions"/> - 1.</summary>
    public static RopeTable Create(LlamaConfig config, int positions)
    {
        double[] frequencies = Frequencies(config);
        var cosines = new float[checked(positions * frequencies.Length)];
        var sines = new float[cosines.Length];
        for (int p = 0; p < positions; p++)
        {
            for (int i = 0; i < frequencies.Length; i++)
            {
                (double sine, double cosine) = Math.SinCos(p * frequencies[i]);
                cosines[(p * frequencies.Length) + i] = (float)cosine;
                sines[(p * frequencies.Length) + i] = (float)sine;
            }
        }

        return new(cosines, sines);
    }

    /// <summary>Radians a position turns each pair of a head's elements by: headDim / 2 of them, the fastest first.</summary>
    public static double[] Frequencies(LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var frequencies = new double[config.HeadDim / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Stretch(Math.Pow(config.RopeTheta, -2.0 * i / config.HeadDim), config.RopeScaling);
        }

        return frequencies;
    }

    private static double Stretch(double frequency, RopeScaling? scaling) => scaling switch
    {
        LinearRopeScaling linear => frequency / linear.Factor,
        Llama3RopeScaling llama3 => Stretch(frequency, llama3),
        _ => frequency,
    };

    // Llama 3.1: by how often a wave fits into the original context it is kept, stretched, or blended between the two
    private static double Stretch(double frequency, Llama3RopeScaling scaling)
    {
        double wavesInContext = scaling.OriginalMaxPositions * frequency / (2 * Math.PI);
        double kept = (wavesInContext - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
        kept = Math.Clamp(kept, 0.0, 1.0);
        return ((1 - kept) * frequency / scaling.Factor) + (kept * frequency);
    }
}
