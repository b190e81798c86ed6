using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Kernels from C# to PTX, carried out lane by lane, against the same kernels on the cpu accelerator.</summary>
public sealed class PtxKernelTests
{
    [TestCase(96, 64, true)]
    [TestCase(33, 40, false)]
    [TestCase(5, 1, false)]
    public void SwiGlu_gives_what_cpu_gives(int count, int lanes, bool aligned)
    {
        float[] gate = Values(count, 1, 20);
        float[] up = Values(count, 2, 3);
        var launch = Launch("SwiGlu", (2, 1, 1), lanes, aligned);
        launch.View(gate);
        launch.View(up);
        int output = launch.View(new float[count]);
        launch.Number(count);
        launch.Run();

        float[] expected = OnCpu(count, (accelerator, result) =>
        {
            using var first = accelerator.Allocate1D(gate);
            using var second = accelerator.Allocate1D(up);
            new SwiGlu(accelerator).Run(accelerator.DefaultStream, first.View, second.View, result, 1, count);
        });
        Near(launch.Contents<float>(output, count), expected, 1e-6f);
    }

    [TestCase(64, 64, true)]
    [TestCase(64, 40, true)]
    [TestCase(37, 70, false)]
    public void RmsNorm_gives_what_cpu_gives(int hidden, int lanes, bool aligned)
    {
        float[] input = Values(2 * hidden, 3, 2);
        BFloat16[] weight = [.. Values(hidden, 4, 2).Select(value => (BFloat16)value)];
        var launch = Launch("RmsNorm.bf16", (2, 1, 1), lanes, aligned);
        launch.View(input);
        launch.View(weight);
        int output = launch.View(new float[2 * hidden]);
        launch.Number(hidden);
        launch.Number(1e-5f);
        launch.Run();

        float[] expected = OnCpu(2 * hidden, (accelerator, result) =>
        {
            using var values = accelerator.Allocate1D(input);
            using var weights = accelerator.Allocate1D(weight);
            new RmsNorm(accelerator).Run(
                accelerator.DefaultStream, values.View, WeightView.Of(weights.View.BaseView), result, 2, hidden, 1e-5f);
        });
        Near(launch.Contents<float>(output, 2 * hidden), expected, 1e-5f);
    }

    [TestCase("f32", 512, 64, true)]
    [TestCase("f16", 1024, 64, true)]
    [TestCase("bf16", 1024, 64, true)]
    [TestCase("bf16", 70, 96, false)]
    [TestCase("bf16", 71, 40, false)]
    public void MatVec_gives_what_cpu_gives(string type, int inner, int lanes, bool aligned)
    {
        const int Rows = 5;
        float[] input = Values(inner, 5, 1);
        float[] weight = [.. Values(Rows * inner, 6, 1).Select(value => (float)(System.Half)(float)(BFloat16)value)];
        int warps = (lanes + 31) / 32;
        var launch = Launch($"MatVec.{type}.Wide", ((uint)((Rows + (8 * warps) - 1) / (8 * warps)), 1, 1), lanes, aligned);
        launch.View(input);
        _ = type switch
        {
            "f32" => launch.View(weight),
            "f16" => launch.View(weight.Select(value => (System.Half)value).ToArray()),
            _ => launch.View(weight.Select(value => (BFloat16)value).ToArray()),
        };
        int output = launch.View(new float[Rows]);
        launch.Number(Rows);
        launch.Number(inner);
        launch.Number(2);
        launch.Run();

        float[] expected = OnCpu(Rows, (accelerator, result) =>
        {
            using var values = accelerator.Allocate1D(input);
            using var weights = accelerator.Allocate1D(weight);
            new MatVec(accelerator).Run(accelerator.DefaultStream, values.View, WeightView.Of(weights.View.BaseView), result, Rows, inner);
        });
        Near(launch.Contents<float>(output, Rows), expected, 1e-4f);
    }

    [TestCase(100, 64)]
    [TestCase(100, 50)]
    [TestCase(3, 33)]
    public void ArgMax_gives_what_cpu_gives(int count, int lanes)
    {
        float[] values = Values(count, 7, 4);
        values[count - 1] = values[count / 2] = 9;
        var launch = Launch("ArgMax", (1, 1, 1), lanes, aligned: false);
        launch.View(values);
        int output = launch.View(new int[1]);
        launch.Number(count);
        launch.Run();
        Assert.That(launch.Contents<int>(output, 1)[0], Is.EqualTo(count / 2));
    }

    private static PtxLaunch Launch(string kernel, (uint X, uint Y, uint Z) grid, int lanes, bool aligned)
    {
        PtxKernel code = KernelText.Ptx(
            KernelCatalog.All.Single(entry => entry.Name == kernel).Method, new PtxOptions(new PtxTarget(80)), aligned);
        return new PtxLaunch(PtxProgram.Parse(code.Text, code.Name), grid, (uint)lanes);
    }

    private static float[] OnCpu(int count, Action<Accelerator, ArrayView<float>> run)
    {
        Accelerator accelerator = TestAccelerators.Sequential;
        using var result = accelerator.Allocate1D<float>(count);
        run(accelerator, result.View);
        return result.GetAsArray1D();
    }

    private static float[] Values(int count, int seed, float range)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => ((random.NextSingle() * 2) - 1) * range)];
    }

    private static void Near(float[] found, float[] expected, float tolerance) => Assert.Multiple(() =>
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(found[i], Is.EqualTo(expected[i]).Within(tolerance * (1 + Math.Abs(expected[i]))), $"element {i}");
        }
    });
}
