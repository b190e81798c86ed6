using System.Diagnostics;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Measurement;

/// <summary>The ceilings of a device, by kernels that do nothing else.</summary>
internal sealed class KernelProbe : CeilingProbe
{
    // several groups on each multiprocessor, so that some compute while others wait
    private const int GroupsPerMultiprocessor = 16;
    private const int Sums = 8;
    private const int Turns = 4096;

    private readonly Accelerator _accelerator;
    private readonly KernelConfig _config;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _memory;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _results;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>> _read;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>> _copy;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, float, int> _multiplyAdd;

    /// <param name="accelerator">The device.</param>
    /// <param name="elements">f32 elements to stream over.</param>
    public KernelProbe(Accelerator accelerator, long elements = 128L << 20)
    {
        _accelerator = accelerator;
        int lanes = Math.Min(256, accelerator.MaxNumThreadsPerGroup);
        _config = new KernelConfig(GroupsPerMultiprocessor * accelerator.NumMultiprocessors, 1, 1, lanes, 1, 1);
        _read = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>>(ReadKernel);
        _copy = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>>(CopyKernel);
        _multiplyAdd = accelerator.LoadKernel<ArrayView<float>, float, int>(MultiplyAddKernel);
        _results = accelerator.Allocate1D<float>(_config.Size);
        _memory = accelerator.Allocate1D<float>(elements);
        _memory.MemSetToZero();

        // compiles them
        Read();
        Copy();
        MultiplyAdd();
    }

    public override double Read() =>
        _memory.LengthInBytes / Seconds(stream => _read(stream, _config, _memory.View, _results.View));

    public override double Copy()
    {
        ArrayView<float> all = _memory.View;
        long half = all.Length / 2;
        return 2 * half * sizeof(float) / Seconds(stream => _copy(stream, _config, all.SubView(0, half), all.SubView(half, half)));
    }

    public override double MultiplyAdd() =>
        2.0 * Sums * Turns * _config.Size / Seconds(stream => _multiplyAdd(stream, _config, _results.View, 0.999f, Turns));

    protected override void Dispose(bool disposing)
    {
        _memory.Dispose();
        _results.Dispose();
    }

    /// <summary>Each lane sums its share of the source, four neighbours at a time, into its own result.</summary>
    internal static void ReadKernel(ArrayView<float> source, ArrayView<float> results)
    {
        long lane = ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
        long lanes = (long)Grid.DimX * Group.DimX;
        float a = 0f;
        float b = 0f;
        float c = 0f;
        float d = 0f;
        for (long i = lane << 2; i + 3 < source.Length; i += lanes << 2)
        {
            a += source[i];
            b += source[i + 1];
            c += source[i + 2];
            d += source[i + 3];
        }

        results[lane] = (a + b) + (c + d);
    }

    /// <summary>Lanes copy four neighbours at a time.</summary>
    internal static void CopyKernel(ArrayView<float> source, ArrayView<float> target)
    {
        long lane = ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
        long lanes = (long)Grid.DimX * Group.DimX;
        for (long i = lane << 2; i + 3 < source.Length; i += lanes << 2)
        {
            float a = source[i];
            float b = source[i + 1];
            float c = source[i + 2];
            float d = source[i + 3];
            target[i] = a;
            target[i + 1] = b;
            target[i + 2] = c;
            target[i + 3] = d;
        }
    }

    /// <summary>Eight chains of multiply-adds that do not wait for each other.</summary>
    internal static void MultiplyAddKernel(ArrayView<float> results, float factor, int turns)
    {
        int lane = (Grid.IdxX * Group.DimX) + Group.IdxX;
        float addend = lane;
        float a = addend;
        float b = addend + 1f;
        float c = addend + 2f;
        float d = addend + 3f;
        float e = addend + 4f;
        float f = addend + 5f;
        float g = addend + 6f;
        float h = addend + 7f;
        for (int turn = 0; turn < turns; turn++)
        {
            a = MathF.FusedMultiplyAdd(a, factor, addend);
            b = MathF.FusedMultiplyAdd(b, factor, addend);
            c = MathF.FusedMultiplyAdd(c, factor, addend);
            d = MathF.FusedMultiplyAdd(d, factor, addend);
            e = MathF.FusedMultiplyAdd(e, factor, addend);
            f = MathF.FusedMultiplyAdd(f, factor, addend);
            g = MathF.FusedMultiplyAdd(g, factor, addend);
            h = MathF.FusedMultiplyAdd(h, factor, addend);
        }

        results[lane] = ((a + b) + (c + d)) + ((e + f) + (g + h));
    }

    private double Seconds(Action<AcceleratorStream> launch)
    {
        AcceleratorStream stream = _accelerator.DefaultStream;
        stream.Synchronize();
        long began = Stopwatch.GetTimestamp();
        launch(stream);
        stream.Synchronize();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
