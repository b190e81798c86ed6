using System.Diagnostics;
using System.Globalization;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Measurement;
using MathNet.Numerics.LinearAlgebra;

namespace Llama.Gpu.Bench;

/// <summary>
/// The singular values of one layer's heads at the shapes of Llama 3 8B, on a device and by MathNet's SVD in double of the very same
/// matrices in the same run: times, processor times, and how far the values lie apart. Processor time tells where others use the machine.
/// </summary>
internal static class SpectralLayer
{
    private const int Heads = 32;
    private const int KeyValueHeads = 8;
    private const int HeadDim = 128;
    private const int Hidden = 4096;
    private const int MatrixCount = (2 * Heads) + (2 * KeyValueHeads);

    private static readonly HeadSlices[] Slices =
    [
        HeadSlices.Rows(Heads, HeadDim, Hidden),
        HeadSlices.Rows(KeyValueHeads, HeadDim, Hidden),
        HeadSlices.Rows(KeyValueHeads, HeadDim, Hidden),
        HeadSlices.Columns(Heads, HeadDim, Hidden),
    ];

    /// <summary>Measures devices, then MathNet.</summary>
    /// <param name="devices">The devices.</param>
    /// <param name="samples">Samples of each device; the median is reported.</param>
    public static IEnumerable<BenchRow> Run(IEnumerable<DeviceName> devices, int samples)
    {
        BFloat16[][] weights = [.. Slices.Select((slices, i) => Weights(slices, i))];
        double[][] expected = new double[MatrixCount][];
        (double mathNet, double processor) = SecondsOf(() => Expect(weights, expected));
        string shape = string.Create(CultureInfo.InvariantCulture, $"{MatrixCount} heads of {HeadDim} x {Hidden}");
        yield return new("MathNet Svd", "host", "f64", string.Create(CultureInfo.InvariantCulture, $"{shape}, {processor:0.00} s of processor time"), mathNet);
        foreach (DeviceName name in devices)
        {
            using var device = DeviceSelector.Open(name);
            yield return Measure(device, weights, expected, shape, samples, mathNet);
        }
    }

    private static BenchRow Measure(
        OpenedDevice device, BFloat16[][] weights, double[][] expected, string shape, int samples, double mathNet)
    {
        Accelerator accelerator = device.Accelerator;
        var kernels = new SpectralKernelSet(accelerator);
        using var triangles = accelerator.Allocate1D<double>(SquareMatrices.Length(MatrixCount, HeadDim));
        using var work = accelerator.Allocate1D<double>(SingularValues.WorkLength(MatrixCount, HeadDim));
        using var values = accelerator.Allocate1D<double>((long)MatrixCount * HeadDim);
        (double Wall, double Processor)[] times = [.. Enumerable.Range(0, samples + 1).Select(_ => SecondsOf(() =>
        {
            int first = 0;
            for (int i = 0; i < Slices.Length; i++)
            {
                // as the analysis does: one matrix at a time on the device
                using var weight = accelerator.Allocate1D(weights[i]);
                ArrayView<double> all = triangles.View;
                long length = SquareMatrices.Length(Slices[i].Count, HeadDim);
                kernels.HeadTriangles.Run(
                    accelerator.DefaultStream, WeightView.Of(weight.View), Slices[i], all.SubView(SquareMatrices.Length(first, HeadDim), length));
                accelerator.DefaultStream.Synchronize();
                first += Slices[i].Count;
            }

            kernels.SingularValues.Run(accelerator.DefaultStream, triangles.View, work.View, values.View, MatrixCount, HeadDim);
            accelerator.DefaultStream.Synchronize();
        })).Skip(1)]; // the first compiles
        double sample = PairedMeasurement.Median(times.Select(time => time.Wall));
        double processor = PairedMeasurement.Median(times.Select(time => time.Processor));

        ArrayView<double> view = values.View;
        double[] found = view.GetAsArray();
        double worst = 0;
        for (int i = 0; i < MatrixCount; i++)
        {
            double[] sorted = [.. found.AsSpan(i * HeadDim, HeadDim).ToArray().OrderDescending()];
            worst = Math.Max(worst, sorted.Zip(expected[i], (one, other) => Math.Abs(one - other) / other).Max());
        }

        string summary = string.Create(
            CultureInfo.InvariantCulture, $"{shape}, {processor:0.00} s of processor time; MathNet takes {mathNet / sample:0.0} times as long; values differ by {worst:0.0e0} at most");
        return new(nameof(SingularValues), device.Name.ToString(), "bf16", summary, sample, Problem: worst < 1e-4 ? null : "values differ");
    }

    private static void Expect(BFloat16[][] weights, double[][] expected)
    {
        int matrix = 0;
        for (int i = 0; i < Slices.Length; i++)
        {
            HeadSlices slices = Slices[i];
            for (int head = 0; head < slices.Count; head++, matrix++)
            {
                BFloat16[] weight = weights[i];
                long first = head * slices.HeadStride;

                // the tall form is the quicker one for MathNet
                expected[matrix] = Matrix<double>.Build.Dense(
                    slices.Length, slices.Width, (element, vector) => (float)weight[first + (vector * slices.VectorStride) + (element * slices.ElementStride)])
                    .Svd(computeVectors: false).S.ToArray();
            }
        }
    }

    private static BFloat16[] Weights(HeadSlices slices, int seed)
    {
        var random = new Random(seed);
        var weights = new BFloat16[slices.Count * slices.Width * slices.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = (BFloat16)(float)(0.04 * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5));
        }

        return weights;
    }

    private static (double Wall, double Processor) SecondsOf(Action action)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        long began = Stopwatch.GetTimestamp();
        action();
        return (Stopwatch.GetElapsedTime(began).TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }
}
