using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.TensorCores;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;
using Half = Llama.Gpu.Jit.Half;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Attention on tensor cores against the specification in double precision.</summary>
public sealed class TensorCoreAttentionTests
{
    private const float Untouched = 7f;

    // One tile and a part of one, a group and a part of one, rows of a token in two groups, keys before the first token. The compiler of
    // simd takes seconds for a kernel, cpu takes some tenths of a second for a tile of keys.
    private static IEnumerable<TestCaseData> Shapes() =>
        from test in ((TensorType Type, AttentionShape Shape)[])
        [
            (TensorType.BFloat16, new(1, 0, 1, 1, 64)), (TensorType.Float16, new(33, 0, 2, 2, 64)), (TensorType.BFloat16, new(47, 41, 3, 1, 64)),
            (TensorType.BFloat16, new(129, 0, 1, 1, 64)), (TensorType.Float16, new(1, 0, 1, 1, 128)), (TensorType.BFloat16, new(32, 0, 4, 1, 128)),
            (TensorType.BFloat16, new(5, 93, 28, 1, 128)), (TensorType.Float16, new(49, 47, 2, 2, 128)),
        ]
        select new TestCaseData(test.Type, test.Shape).SetArgDisplayNames(test.Type.ToString(), Describe(test.Shape));

    private static IEnumerable<TestCaseData> LongShapes() =>
        from shape in (AttentionShape[])[new(17, 48, 8, 2, 64), new(47, 127, 3, 1, 64), new(100, 31, 4, 2, 64)]
        select new TestCaseData(shape).SetArgDisplayNames(Describe(shape));

    [TestCaseSource(nameof(Shapes))]
    public void Result_agrees_and_is_clean_on_cpu(TensorType type, AttentionShape shape) => Check("cpu", type, shape);

    [TestCaseSource(nameof(LongShapes))]
    public void Result_agrees_on_simd(AttentionShape shape) => Check("simd 512", TensorType.BFloat16, shape);

    [Test]
    public void Wide_head_agrees_on_simd() => Check("simd 512", TensorType.Float16, new(65, 96, 4, 2, 128));

    [Test]
    public void Huge_scores_take_the_value_of_the_largest()
    {
        // their exponentials would overflow, and all but one of them vanish
        (float[] found, double[] values) = Run("simd 512", TensorType.BFloat16, new(40, 30, 2, 2, 64), spread: 1e6);
        double[][] heads = [.. values.Chunk(64)];
        Assert.That(found.Select(value => (double)value).Chunk(64), Has.All.Matches<double[]>(row => Array.Exists(heads, head => head.SequenceEqual(row))));
    }

    // in the keys or in the values of the 21st of the chunk's tokens; tiles of 64 keys and 48
    [TestCase("cpu", "BFloat16", 64, double.NaN, true, false)]
    [TestCase("simd 512", "BFloat16", 64, double.NaN, false, true)]
    [TestCase("simd 512", "BFloat16", 64, double.PositiveInfinity, false, true)]
    [TestCase("simd 512", "Float16", 64, double.NaN, true, true)]
    [TestCase("cpu", "Float16", 128, double.NegativeInfinity, false, true)]
    [TestCase("cpu", "BFloat16", 128, double.NaN, true, true)]
    public void What_a_query_does_not_see_does_not_touch_it(string device, string type, int headDim, double odd, bool inKeys, bool inValues)
    {
        const int Bad = 20;
        AttentionShape shape = new(33, 35, 2, 1, headDim);
        void Spoil(Operands data)
        {
            int at = ((shape.FirstPosition + Bad) * shape.KeyValueWidth) + 5;
            data.Keys[at] = inKeys ? odd : data.Keys[at];
            data.Values[at] = inValues ? odd : data.Values[at];
        }

        TensorType stored = Enum.Parse<TensorType>(type);
        float[][] sound = [.. Run(device, stored, shape).Found.Chunk(shape.QueryWidth)];
        float[][] spoilt = [.. Run(device, stored, shape, change: Spoil).Found.Chunk(shape.QueryWidth)];
        Assert.Multiple(() =>
        {
            Assert.That(spoilt[..Bad], Is.EqualTo(sound[..Bad]), "tokens before it, to the bit");
            Assert.That(spoilt[Bad..].SelectMany(row => row.Chunk(headDim)).Select(head => float.IsFinite(head[5])), Is.All.False, "it and those behind it");
        });
    }

    [Test]
    public void Attention_takes_tensor_cores_by_the_launch_shapes()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { TensorCores = true };
        AttentionShape shape = new(32, 0, 1, 1, 64);
        float[] Result(LaunchShapes chosen, AttentionShape extents, int begin) => Run(
            "simd 512", TensorType.BFloat16, extents, 4, new Attention(accelerator, chosen), begin).Found;
        float[] plain = Result(shapes with { TensorCores = false }, shape, 0);
        float[] tensor = Run("simd 512", TensorType.BFloat16, shape).Found;
        float[] narrow = Result(shapes with { TensorCores = false }, shape with { HeadDim = 32 }, 0);
        Assert.Multiple(() =>
        {
            Assert.That(tensor, Is.Not.EqualTo(plain));
            Assert.That(Result(shapes, shape, 0), Is.EqualTo(tensor));
            Assert.That(Result(shapes with { TensorCoreAttentionTokens = 33 }, shape, 0), Is.EqualTo(plain), "few tokens");
            Assert.That(Result(shapes, shape with { HeadDim = 32 }, 0), Is.EqualTo(narrow), "another width of heads");
            Assert.That(Result(shapes, shape, 1), Is.EqualTo(plain), "a cache that is not aligned");
        });
    }

    [Test]
    public void What_the_operation_does_not_take_is_refused()
    {
        Accelerator accelerator = TensorAccelerators.Of("simd 512");
        using var data = accelerator.Allocate1D<float>(256);
        using var cache = accelerator.Allocate1D<BFloat16>(256);
        void Attend(WeightView keys, AttentionShape shape) => new TensorCoreAttention(accelerator).Run(
            accelerator.DefaultStream, data.View, keys, keys, data.View, data.View, data.View, shape, 1);
        Assert.Multiple(() =>
        {
            Assert.That(() => Attend(WeightView.Of(data.View.BaseView), new(1, 0, 1, 1, 64)), Throws.ArgumentException.With.Message.Contains("Float16 or BFloat16"));
            Assert.That(() => Attend(WeightView.Of(cache.View.BaseView), new(1, 0, 1, 1, 32)), Throws.ArgumentException.With.Message.Contains("64 or 128 wide"));
            Assert.That(() => Attend(WeightView.Of(cache.View.SubView(1, 200)), new(1, 0, 1, 1, 64)), Throws.ArgumentException);
            Assert.That(() => Attend(WeightView.Of(cache.View.BaseView), new(5, 0, 1, 1, 64)), Throws.ArgumentException.With.Property("ParamName").EqualTo("queries"));
        });
    }

    [TestCase(6)]
    [TestCase(7)]
    public void Rows_that_are_read_or_written_at_once_lie_in_different_banks(int widthShift)
    {
        int chunks = 1 << (widthShift - 3);
        Assert.Multiple(() =>
        {
            for (int first = 0; first < 128; first += 8)
            {
                for (int chunk = 0; chunk < chunks; chunk++)
                {
                    Assert.That(Banks(Enumerable.Range(first, 8).Select(row => (row, chunk)), widthShift), Is.Unique, "rows of a matrix");
                }
            }

            // a quarter of a warp copies 8 neighbouring chunks at once
            for (int item = 0; item < 128 * chunks; item += 8)
            {
                Assert.That(Banks(Enumerable.Range(item, 8).Select(i => (i / chunks, i % chunks)), widthShift), Is.Unique, "chunks of a copy");
            }
        });
    }

    // which of the 8 spans of 16 bytes that 32 banks have
    private static IEnumerable<int> Banks(IEnumerable<(int Row, int Chunk)> places, int widthShift) =>
        places.Select(place => TensorCoreAttention.Place(place.Row, place.Chunk, widthShift) * 2 / 16 % 8);

    private static string Describe(AttentionShape shape) =>
        $"T={shape.TokenCount} p={shape.FirstPosition} heads={shape.HeadCount}/{shape.KeyValueHeadCount}x{shape.HeadDim}";

    private static void Check(string device, TensorType type, AttentionShape shape)
    {
        var data = new Operands(shape, type, 4);
        float[] found = Run(device, type, shape).Found;
        double unit = type == TensorType.Float16 ? Math.Pow(2, -12) : Math.Pow(2, -9);
        double scale = 1 / Math.Sqrt(shape.HeadDim);
        var far = new List<string>();
        for (int t = 0; t < shape.TokenCount; t++)
        {
            for (int h = 0; h < shape.HeadCount; h++)
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

    private static (float[] Found, double[] Values) Run(
        string device, TensorType type, AttentionShape shape, double spread = 4, Attention? attention = null, int begin = 0, Action<Operands>? change = null)
    {
        Accelerator accelerator = TensorAccelerators.Of(device);
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
            if (attention is null)
            {
                new TensorCoreAttention(accelerator).Run(
                    accelerator.DefaultStream, queries.View, keyView, valueView, cosines.View, sines.View, output.View, shape, scale);
            }
            else
            {
                attention.Run(
                    accelerator.DefaultStream, queries.View, keyView, valueView, cosines.View, sines.View, output.View, ArrayView<float>.Empty, shape, scale);
            }

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
    private sealed record Row(double[] Values, double[] Magnitudes, double LargestMagnitude, double LargestScore);

    /// <summary>Random operands, keys and values as they are stored.</summary>
    private sealed class Operands
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
