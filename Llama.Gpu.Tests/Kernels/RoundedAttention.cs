using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;
using Half = Llama.Gpu.Jit.Half;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Attention that rounds queries and weights to the cache's type, against the specification in double precision.</summary>
internal static class RoundedAttention
{
    /// <summary>How large queries are that are not huge.</summary>
    public const double Spread = 4;

    private const float Untouched = 7f;

    public delegate void Run(AcceleratorStream stream, in AttentionOperands operands);

    /// <summary>The operation of models, which chooses by its launch shapes.</summary>
    public static Run By(Attention attention) => (stream, in operands) => attention.Run(stream, operands, ArrayView<float>.Empty);

    public static string Describe(AttentionShape shape) =>
        $"T={shape.TokenCount} p={shape.FirstPosition} heads={shape.HeadCount}/{shape.KeyValueHeadCount}x{shape.HeadDim}";

    /// <summary>Runs attention of random operands and compares every element.</summary>
    public static void Check(Accelerator accelerator, Run run, TensorType type, AttentionShape shape) =>
        Compare(Result(accelerator, run, type, shape).Found, new Operands(shape, type, Spread), type, shape);

    /// <summary>Compares every element, of all heads or of the first.</summary>
    public static void Compare(float[] found, Operands data, TensorType type, AttentionShape shape, int? heads = null)
    {
        double unit = type == TensorType.Float16 ? Math.Pow(2, -12) : Math.Pow(2, -9);
        double scale = 1 / Math.Sqrt(shape.HeadDim);
        var far = new List<string>();
        for (int t = 0; t < shape.TokenCount; t++)
        {
            for (int h = 0; h < (heads ?? shape.HeadCount); h++)
            {
                (double[] exact, double[] rounded, double[] magnitude) = data.Rotated(t, h);
                Row ofRounded = data.Attend(t, h, rounded, magnitude, Math.Log(2));
                Row ofExact = data.Attend(t, h, exact, magnitude, scale);
                double sums = (shape.HeadDim + 16) * Math.Pow(2, -22) * ofRounded.LargestMagnitude;
                double rest = ((ofRounded.LargestScore + 2) * Math.Pow(2, -21)) + sums;
                for (int i = 0; i < shape.HeadDim; i++)
                {
                    double weights = unit + ((shape.PositionCount + 32) * Math.Pow(2, -22));
                    double few = type == TensorType.Float16 ? shape.PositionCount * Math.Pow(2, -24) : 0;
                    double value = found[(((t * shape.HeadCount) + h) * shape.HeadDim) + i];
                    double near = ((Math.Exp(2 * rest) - 1 + weights) * ofRounded.Magnitudes[i]) + few;
                    double wide = ((Math.Exp(2 * (rest + (unit * ofRounded.LargestMagnitude))) - 1 + weights) * ofExact.Magnitudes[i]) + few;

                    // to the specification as stated; to attention of the rounded queries as f32 and rounded weights are
                    if (!(Math.Abs(value - ofRounded.Values[i]) <= near && Math.Abs(value - ofExact.Values[i]) <= wide))
                    {
                        far.Add($"t={t} h={h} i={i}: {value}, of rounded {ofRounded.Values[i]} +- {near}, exact {ofExact.Values[i]} +- {wide}");
                    }
                }
            }
        }

        Assert.That(far.Take(5), Is.Empty, $"{far.Count} results beyond the tolerance");
    }

    /// <summary>Scores whose exponentials would overflow, and of which all but one vanish: the value of the largest comes out.</summary>
    public static void CheckHugeScores(Accelerator accelerator, Run run, TensorType type, AttentionShape shape)
    {
        (float[] found, double[] values) = Result(accelerator, run, type, shape, spread: 1e6);
        double[][] heads = [.. values.Chunk(shape.HeadDim)];
        Assert.That(
            found.Select(value => (double)value).Chunk(shape.HeadDim),
            Has.All.Matches<double[]>(row => Array.Exists(heads, head => head.SequenceEqual(row))));
    }

    /// <summary>An odd number in the keys or in the values of a token touches only it and those behind it.</summary>
    /// <param name="accelerator">Where.</param>
    /// <param name="run">The operation.</param>
    /// <param name="type">Of the cache.</param>
    /// <param name="shape">Extents.</param>
    /// <param name="bad">The token, counted in the chunk.</param>
    /// <param name="odd">NaN or infinite.</param>
    /// <param name="inKeys">Whether keys have it.</param>
    /// <param name="inValues">Whether values have it.</param>
    public static void CheckUnseen(
        Accelerator accelerator, Run run, TensorType type, AttentionShape shape, int bad, double odd, bool inKeys, bool inValues)
    {
        void Spoil(Operands data)
        {
            int at = ((shape.FirstPosition + bad) * shape.KeyValueWidth) + 5;
            data.Keys[at] = inKeys ? odd : data.Keys[at];
            data.Values[at] = inValues ? odd : data.Values[at];
        }

        float[][] sound = [.. Result(accelerator, run, type, shape).Found.Chunk(shape.QueryWidth)];
        float[][] spoilt = [.. Result(accelerator, run, type, shape, change: Spoil).Found.Chunk(shape.QueryWidth)];
        Assert.Multiple(() =>
        {
            Assert.That(spoilt[..bad], Is.EqualTo(sound[..bad]), "tokens before it, to the bit");
            Assert.That(
                spoilt[bad..].SelectMany(row => row.Chunk(shape.HeadDim)).Select(head => float.IsFinite(head[5])), Is.All.False, "it and those behind it");
        });
    }

    /// <summary>Runs attention of random operands.</summary>
    /// <param name="accelerator">Where.</param>
    /// <param name="run">The operation.</param>
    /// <param name="type">Of the cache.</param>
    /// <param name="shape">Extents.</param>
    /// <param name="spread">How large queries are.</param>
    /// <param name="begin">Elements before the caches.</param>
    /// <param name="change">What is done to the operands before.</param>
    public static (float[] Found, double[] Values) Result(
        Accelerator accelerator, Run run, TensorType type, AttentionShape shape, double spread = Spread, int begin = 0, Action<Operands>? change = null)
    {
        var data = new Operands(shape, type, spread);
        change?.Invoke(data);
        using var queries = accelerator.Allocate1D(data.Queries);
        using var cosines = accelerator.Allocate1D(data.Cosines);
        using var sines = accelerator.Allocate1D(data.Sines);
        using var output = accelerator.Allocate1D<float>([.. Enumerable.Repeat(Untouched, data.Queries.Length + 9)]);

        // behind the last position lies what nobody may look at
        double[] Cache(double[] held) => [.. Enumerable.Repeat(double.NaN, begin), .. held, .. Enumerable.Repeat(double.NaN, 70 * shape.KeyValueWidth)];
        void Attend<T>(Func<double, T> store, Func<ArrayView<T>, WeightView> view)
            where T : unmanaged
        {
            using var keys = accelerator.Allocate1D<T>([.. Cache(data.Keys).Select(store)]);
            using var values = accelerator.Allocate1D<T>([.. Cache(data.Values).Select(store)]);
            WeightView keyView = view(keys.View.BaseView.SubView(begin, keys.Length - begin));
            WeightView valueView = view(values.View.BaseView.SubView(begin, values.Length - begin));
            float scale = 1f / MathF.Sqrt(shape.HeadDim);
            run(accelerator.DefaultStream, new(queries.View, keyView, valueView, cosines.View, sines.View, output.View, shape, scale));
            accelerator.DefaultStream.Synchronize();
        }

        if (type == TensorType.Float16)
        {
            Attend(value => (Half)(float)value, WeightView.Of);
        }
        else
        {
            Attend(value => (BFloat16)(float)value, WeightView.Of);
        }

        float[] found = output.GetAsArray1D();
        Assert.That(found[data.Queries.Length..], Is.All.EqualTo(Untouched), "what lies behind the output");
        return (found[..data.Queries.Length], data.Values);
    }

    /// <summary>One query's attention, and what its error is measured by.</summary>
    public sealed record Row(double[] Values, double[] Magnitudes, double LargestMagnitude, double LargestScore);

    /// <summary>Random operands, keys and values as they are stored.</summary>
    public sealed class Operands
    {
        private readonly AttentionShape _shape;
        private readonly TensorType _type;

        public Operands(AttentionShape shape, TensorType type, double spread)
        {
            _shape = shape;
            _type = type;
            var random = new Random(shape.GetHashCode() & 0xFFFF);
            double[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextDouble() * 2) - 1)];
            int cache = shape.PositionCount * shape.KeyValueWidth;
            Queries = [.. Numbers(shape.TokenCount * shape.QueryWidth).Select(value => (float)(value * spread * 3))];
            Keys = [.. Numbers(cache).Select(value => ReferenceOps.Round(value, type))];
            Values = [.. Numbers(cache).Select(value => ReferenceOps.Round(value, type))];
            (double[] cosines, double[] sines) = ReferenceOps.RopeTables(shape.PositionCount, shape.HeadDim);
            Cosines = [.. cosines.Select(value => (float)value)];
            Sines = [.. sines.Select(value => (float)value)];
        }

        public float[] Queries { get; }

        public double[] Keys { get; }

        public double[] Values { get; }

        public float[] Cosines { get; }

        public float[] Sines { get; }

        /// <summary>A query rotated; the same scaled to powers of two, in f32, and rounded; and its magnitude before what cancels.</summary>
        public (double[] Exact, double[] Rounded, double[] Magnitude) Rotated(int token, int head)
        {
            int width = _shape.HeadDim;
            int half = width / 2;
            float factor = 1f / MathF.Sqrt(width) * 1.44269504f;
            var exact = new double[width];
            var rounded = new double[width];
            var magnitude = new double[width];
            for (int i = 0; i < half; i++)
            {
                float low = Queries[(((token * _shape.HeadCount) + head) * width) + i];
                float high = Queries[(((token * _shape.HeadCount) + head) * width) + i + half];
                float cosine = Cosines[((_shape.FirstPosition + token) * half) + i];
                float sine = Sines[((_shape.FirstPosition + token) * half) + i];
                float a = low * factor;
                float b = high * factor;
                exact[i] = ((double)low * cosine) - ((double)high * sine);
                exact[i + half] = ((double)high * cosine) + ((double)low * sine);
                rounded[i] = ReferenceOps.Round((a * cosine) - (b * sine), _type);
                rounded[i + half] = ReferenceOps.Round((b * cosine) + (a * sine), _type);
                magnitude[i] = (Math.Abs((double)low * cosine) + Math.Abs((double)high * sine)) / Math.Sqrt(width);
                magnitude[i + half] = (Math.Abs((double)high * cosine) + Math.Abs((double)low * sine)) / Math.Sqrt(width);
            }

            return (exact, rounded, magnitude);
        }

        /// <summary>Softmax of a query's products with the keys it sees, times a scale, and the values so weighted.</summary>
        public Row Attend(int token, int head, double[] query, double[] magnitude, double scale)
        {
            int width = _shape.HeadDim;
            int seen = _shape.FirstPosition + token + 1;
            int column = head / _shape.HeadsPerGroup * width;
            double Dot(double[] numbers, int key, Func<double, double> of)
            {
                double sum = 0;
                for (int i = 0; i < width; i++)
                {
                    sum += numbers[i] * of(Keys[(key * _shape.KeyValueWidth) + column + i]);
                }

                return sum;
            }

            double[] scores = [.. Enumerable.Range(0, seen).Select(key => scale * Dot(query, key, value => value))];
            double most = scores.Max();
            double[] weights = [.. scores.Select(score => Math.Exp(score - most))];
            double total = weights.Sum();
            double Mean(int i, Func<double, double> of) =>
                weights.Select((weight, key) => weight * of(Values[(key * _shape.KeyValueWidth) + column + i])).Sum() / total;
            return new(
                [.. Enumerable.Range(0, width).Select(i => Mean(i, value => value))],
                [.. Enumerable.Range(0, width).Select(i => Mean(i, Math.Abs))],
                Enumerable.Range(0, seen).Max(key => Dot(magnitude, key, Math.Abs)),
                scores.Max(Math.Abs));
        }
    }
}
