using System.Diagnostics;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Measurement;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Kernels;

namespace Llama.Gpu.Bench;

/// <summary>Checks, then times, on one device.</summary>
internal sealed class CaseRunner(OpenedDevice device, CeilingProbe probe, int rounds)
{
    // tolerances are stated for sums of up to 1000 products: the error of a sum grows at most with its length
    private const double LongSumSlack = 16;

    // a sample shorter than this would measure the clock
    private const double LeastSeconds = 0.004;
    private const int MostLaunches = 5000;
    private const int TimedLaunches = 2000;

    private readonly Accelerator _accelerator = device.Accelerator;
    private readonly KernelSet _kernels = new(device.Accelerator);
    private readonly LaunchShapes _shapes = LaunchShapes.For(device.Accelerator);
    private readonly string _name = device.Name.ToString();

    /// <summary>The device's ceilings.</summary>
    public IEnumerable<BenchRow> Ceilings()
    {
        double read = Median(probe.Read);
        double copy = Median(probe.Copy);
        double flops = Median(probe.MultiplyAdd);
        return
        [
            new("ceiling", _name, "f32", "stream read", BytesPerSecond: read),
            new("ceiling", _name, "f32", "stream copy", BytesPerSecond: copy),
            new("ceiling", _name, "f32", "multiply-add", FlopsPerSecond: flops),
            new("ceiling", _name, "u8", "host to device", BytesPerSecond: LinkProbe.MeasureLink(_accelerator)),
        ];
    }

    /// <summary>What a launch costs that does next to nothing: alone, and one group for each core.</summary>
    public IEnumerable<BenchRow> Launches()
    {
        using var buffer = _accelerator.Allocate1D<int>(1);
        ArrayView<int> view = buffer.View;
        var kernel = _accelerator.LoadKernel<ArrayView<int>>(NothingKernel);
        foreach (int groups in (int[])[1, 2 * _accelerator.NumMultiprocessors])
        {
            var config = new KernelConfig(groups, 1, 1, 1, 1, 1);
            Seconds(stream => kernel(stream, config, view), TimedLaunches);
            double seconds = Median(() => Seconds(stream => kernel(stream, config, view), TimedLaunches));
            yield return new("launch", _name, "i32", groups == 1 ? "1 group" : $"{groups} groups", seconds);
        }
    }

    /// <summary>One case.</summary>
    public BenchRow Run(OpCase opCase)
    {
        var row = new BenchRow(opCase.Operation, _name, TypeNames.Of(opCase.Type), opCase.Shape);
        using var data = new OpData(_accelerator, _kernels);
        OpRun run = opCase.Prepare(data);
        if (Check(opCase, run) is string problem)
        {
            return row with { Problem = problem };
        }

        int launches = Math.Clamp((int)(LeastSeconds / Seconds(run.Launch, 1)), 1, MostLaunches);
        PairedResult result = PairedMeasurement.Run(probe, opCase.Cost, rounds, () => Seconds(run.Launch, launches));
        return row with
        {
            Seconds = result.Seconds,
            BytesPerSecond = result.BytesPerSecond,
            FlopsPerSecond = result.FlopsPerSecond,
            LimitedBy = result.LimitedBy,
            Share = result.Share,
        };
    }

    private static void NothingKernel(ArrayView<int> result)
    {
        if (Grid.IdxX == 0)
        {
            result[0] = 1;
        }
    }

    private string? Check(OpCase opCase, OpRun run)
    {
        double[] expected = run.Expected();
        run.Launch(_accelerator.DefaultStream);
        _accelerator.DefaultStream.Synchronize();
        double[] actual = run.Actual();
        var tolerance = new Tolerance(opCase.Tolerance.Absolute * LongSumSlack, opCase.Tolerance.Relative * LongSumSlack);
        if (_shapes.TensorCores)
        {
            tolerance = tolerance.OnTensorCores(opCase.Operation, opCase.Type);
        }

        for (int i = 0; i < expected.Length; i++)
        {
            if (!tolerance.Allows(actual[i], expected[i]))
            {
                return $"element {i} of {expected.Length}: expected {expected[i]:R}, found {actual[i]:R}";
            }
        }

        return null;
    }

    private double Seconds(Action<AcceleratorStream> launch, int launches)
    {
        AcceleratorStream stream = _accelerator.DefaultStream;
        if (launches > 1)
        {
            // wakes the workers and fetches the operands; a launch timed alone is to find them in memory, as a model's do
            launch(stream);
        }

        stream.Synchronize();
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < launches; i++)
        {
            launch(stream);
        }

        stream.Synchronize();
        return Stopwatch.GetElapsedTime(began).TotalSeconds / launches;
    }

    private double Median(Func<double> sample) => PairedMeasurement.Median(Enumerable.Range(0, rounds).Select(_ => sample()));
}
