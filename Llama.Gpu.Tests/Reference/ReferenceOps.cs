using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Reference;

/// <summary>
/// The specification of every operation: its formula in double precision, as plain as it can be written. Stored elements come
/// rounded to their type (<see cref="Round"/>); arrays are row-major, with the shapes that the launchers state.
/// </summary>
internal static class ReferenceOps
{
    /// <summary>The nearest number of a type, ties to even, by arithmetic rather than on bits; infinity beyond its largest.</summary>
    public static double Round(double value, TensorType type)
    {
        var (precision, minExponent, largest) = type switch
        {
            TensorType.Float32 => (24, -126, (double)float.MaxValue),
            TensorType.Float16 => (11, -14, 65504.0),
            _ => (8, -126, 3.3895313892515355e38),
        };
        if (value == 0 || !double.IsFinite(value))
        {
            return value;
        }

        double unit = Math.ScaleB(1, Math.Max(Math.ILogB(value), minExponent) - precision + 1);
        double rounded = Math.Round(value / unit, MidpointRounding.ToEven) * unit;
        return Math.Abs(rounded) > largest ? Math.CopySign(double.PositiveInfinity, value) : rounded;
    }

    /// <summary>Cosines and sines (positions, headDim/2) of unscaled rotary frequencies, each rounded to f32.</summary>
    public static (double[] Cosines, double[] Sines) RopeTables(int positions, int headDim, double theta = 10000)
    {
        int half = headDim / 2;
        var cosines = new double[positions * half];
        var sines = new double[positions * half];
        for (int p = 0; p < positions; p++)
        {
            for (int i = 0; i < half; i++)
            {
                double angle = p * Math.Pow(theta, -2.0 * i / headDim);
                cosines[(p * half) + i] = (float)Math.Cos(angle);
                sines[(p * half) + i] = (float)Math.Sin(angle);
            }
        }

        return (cosines, sines);
    }

    /// <summary>(T) tokens, (V, H) table: (T, H).</summary>
    public static double[] EmbeddingGather(int[] tokens, double[] table, int hiddenSize) =>
        [.. tokens.SelectMany(token => table.AsSpan(token * hiddenSize, hiddenSize).ToArray())];

    /// <summary>(T, H) input, (H) weight: (T, H).</summary>
    public static double[] RmsNorm(double[] input, double[] weight, int hiddenSize, double epsilon)
    {
        var output = new double[input.Length];
        for (int row = 0; row < input.Length; row += hiddenSize)
        {
            double square = 0;
            for (int i = 0; i < hiddenSize; i++)
            {
                square += input[row + i] * input[row + i];
            }

            for (int i = 0; i < hiddenSize; i++)
            {
                output[row + i] = input[row + i] / Math.Sqrt((square / hiddenSize) + epsilon) * weight[i];
            }
        }

        return output;
    }

    /// <summary>(T, K) input, (N, K) weight: (T, N).</summary>
    public static double[] MatMul(double[] input, double[] weight, int outputSize, int inputSize)
    {
        int rows = input.Length / inputSize;
        var output = new double[rows * outputSize];
        for (int t = 0; t < rows; t++)
        {
            for (int n = 0; n < outputSize; n++)
            {
                double sum = 0;
                for (int k = 0; k < inputSize; k++)
                {
                    sum += input[(t * inputSize) + k] * weight[(n * inputSize) + k];
                }

                output[(t * outputSize) + n] = sum;
            }
        }

        return output;
    }

    /// <summary>(T, N) values, (N) bias: (T, N).</summary>
    public static double[] BiasAdd(double[] values, double[] bias) => [.. values.Select((value, i) => value + bias[i % bias.Length])];

    /// <summary>Two of one shape: their sum.</summary>
    public static double[] ResidualAdd(double[] residual, double[] addend) => [.. residual.Zip(addend, (r, a) => r + a)];

    /// <summary>Two of one shape: silu(gate) * up.</summary>
    public static double[] SwiGlu(double[] gate, double[] up) => [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)];

    /// <summary>(T, heads, headDim) values, (positions, headDim/2) tables: (T, heads, headDim), rotated.</summary>
    public static double[] Rope(double[] values, double[] cosines, double[] sines, int headCount, int headDim, int firstPosition)
    {
        int half = headDim / 2;
        var output = new double[values.Length];
        for (int head = 0; head < values.Length / headDim; head++)
        {
            int position = firstPosition + (head / headCount);
            for (int i = 0; i < half; i++)
            {
                double a = values[(head * headDim) + i];
                double b = values[(head * headDim) + half + i];
                double cosine = cosines[(position * half) + i];
                double sine = sines[(position * half) + i];
                output[(head * headDim) + i] = (a * cosine) - (b * sine);
                output[(head * headDim) + half + i] = (b * cosine) + (a * sine);
            }
        }

        return output;
    }

    /// <summary>
    /// (T, heads, headDim) rotated queries, (S, kvHeads, headDim) rotated keys: (heads, T, S); <paramref name="masked"/> where the
    /// key is later than the query.
    /// </summary>
    public static double[] Scores(double[] queries, double[] keys, AttentionShape shape, double scale, double masked)
    {
        var scores = new double[shape.HeadCount * shape.TokenCount * shape.PositionCount];
        for (int h = 0; h < shape.HeadCount; h++)
        {
            for (int t = 0; t < shape.TokenCount; t++)
            {
                for (int s = 0; s < shape.PositionCount; s++)
                {
                    int score = (((h * shape.TokenCount) + t) * shape.PositionCount) + s;
                    if (s > shape.FirstPosition + t)
                    {
                        scores[score] = masked;
                        continue;
                    }

                    int query = ((t * shape.HeadCount) + h) * shape.HeadDim;
                    int key = ((s * shape.KeyValueHeadCount) + (h / shape.HeadsPerGroup)) * shape.HeadDim;
                    for (int i = 0; i < shape.HeadDim; i++)
                    {
                        scores[score] += queries[query + i] * keys[key + i] * scale;
                    }
                }
            }
        }

        return scores;
    }

    /// <summary>(heads, T, S) scores: probabilities of the same shape, 0 where the key is later than the query.</summary>
    public static double[] CausalSoftmax(double[] scores, AttentionShape shape)
    {
        var output = new double[scores.Length];
        for (int row = 0; row < shape.HeadCount * shape.TokenCount; row++)
        {
            int visible = shape.FirstPosition + (row % shape.TokenCount) + 1;
            double[] values = scores[(row * shape.PositionCount)..((row * shape.PositionCount) + visible)];
            double max = values.Max();
            double sum = values.Sum(value => Math.Exp(value - max));
            for (int s = 0; s < visible; s++)
            {
                output[(row * shape.PositionCount) + s] = Math.Exp(values[s] - max) / sum;
            }
        }

        return output;
    }

    /// <summary>(heads, T, S) probabilities, (S, kvHeads, headDim) values: (T, heads, headDim).</summary>
    public static double[] AttentionWeightedSum(double[] probabilities, double[] values, AttentionShape shape)
    {
        var output = new double[shape.TokenCount * shape.QueryWidth];
        for (int t = 0; t < shape.TokenCount; t++)
        {
            for (int h = 0; h < shape.HeadCount; h++)
            {
                for (int s = 0; s <= shape.FirstPosition + t; s++)
                {
                    double probability = probabilities[(((h * shape.TokenCount) + t) * shape.PositionCount) + s];
                    int value = ((s * shape.KeyValueHeadCount) + (h / shape.HeadsPerGroup)) * shape.HeadDim;
                    for (int i = 0; i < shape.HeadDim; i++)
                    {
                        output[(((t * shape.HeadCount) + h) * shape.HeadDim) + i] += probability * values[value + i];
                    }
                }
            }
        }

        return output;
    }

    /// <summary>Index of the largest that is a number, the lowest of several; 0 if none is a number.</summary>
    public static int ArgMax(double[] values)
    {
        int best = -1;
        for (int i = 0; i < values.Length; i++)
        {
            if (!double.IsNaN(values[i]) && (best < 0 || values[i] > values[best]))
            {
                best = i;
            }
        }

        return Math.Max(best, 0);
    }
}
