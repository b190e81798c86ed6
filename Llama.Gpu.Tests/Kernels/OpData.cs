using System.Runtime.InteropServices;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Makes the operands of one case: the same numbers every time, on the device and as doubles; frees them in the end.</summary>
/// <param name="accelerator">Where they are.</param>
/// <param name="kernels">The operations.</param>
/// <param name="isBlank">
/// Whether operands have their sizes and no numbers, and no doubles beside them: for launches that nobody computes, at any size.
/// </param>
internal sealed class OpData(Accelerator accelerator, KernelSet kernels, bool isBlank = false) : IDisposable
{
    private readonly Random _random = new(20240718);
    private readonly List<IDisposable> _buffers = [];
    private readonly List<(ArrayView<int> View, int[] Values)> _integers = [];

    /// <summary>The operations.</summary>
    public KernelSet Kernels => kernels;

    /// <summary>Integers that were uploaded, and where they lie: what launches with blank operands may depend on.</summary>
    public IReadOnlyList<(ArrayView<int> View, int[] Values)> Integers => _integers;

    /// <summary>f32 values, evenly distributed in -scale to scale.</summary>
    public (ArrayView<float> View, double[] Values) Floats(long count, double scale = 1) =>
        isBlank ? (Allocate<float>(count), []) : Floats(Draw(count, scale));

    /// <summary>These numbers as f32.</summary>
    public (ArrayView<float> View, double[] Values) Floats(double[] values)
    {
        float[] data = [.. values.Select(value => (float)value)];
        return (Upload(data), [.. data.Select(value => (double)value)]);
    }

    /// <summary>Stored values, evenly distributed in -scale to scale, rounded to their type on both sides.</summary>
    public (WeightView View, double[] Values) Weights(TensorType type, long count, double scale = 1)
    {
        if (isBlank)
        {
            return (new WeightView(type, Allocate<byte>(count * type.ElementSize())), []);
        }

        double[] values = [.. Draw(count, scale).Select(value => Reference.ReferenceOps.Round((float)value, type))];
        return (Store(type, values), values);
    }

    /// <summary>Token ids below a bound.</summary>
    public (ArrayView<int> View, int[] Values) Tokens(int count, int bound)
    {
        int[] values = [.. Enumerable.Range(0, count).Select(_ => _random.Next(bound))];
        return (Upload(values), values);
    }

    /// <summary>f32 elements that the kernel is to fill, one by one.</summary>
    public ArrayView<float> Output(long count, float before = float.NaN)
    {
        if (isBlank)
        {
            return Allocate<float>(count);
        }

        var data = new float[count];
        Array.Fill(data, before);
        return Upload(data);
    }

    /// <summary>Memory that an operation works in, of which nothing is checked.</summary>
    public ArrayView<byte> Scratch(long bytes) => bytes == 0 ? default : Upload(new byte[bytes]);

    /// <summary>Uploads elements.</summary>
    public ArrayView<T> Upload<T>(T[] data)
        where T : unmanaged
    {
        var buffer = accelerator.Allocate1D(data);
        _buffers.Add(buffer);
        ArrayView<T> view = buffer.View;
        if (isBlank && data is int[] integers)
        {
            _integers.Add(((ArrayView<int>)(object)view, integers));
        }

        return view;
    }

    /// <summary>Reads f32 elements back.</summary>
    public static double[] Read(ArrayView<float> view) => [.. view.GetAsArray().Select(value => (double)value)];

    /// <summary>Reads stored elements back.</summary>
    public static double[] Read(WeightView view)
    {
        byte[] bytes = view.Data.GetAsArray();
        return view.Type switch
        {
            TensorType.Float32 => [.. MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(value => (double)value)],
            TensorType.Float16 => [.. MemoryMarshal.Cast<byte, System.Half>(bytes).ToArray().Select(value => (double)value)],
            _ =>
            [
                .. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(bits => (double)BitConverter.UInt32BitsToSingle((uint)bits << 16)),
            ],
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());

    private ArrayView<T> Allocate<T>(long count)
        where T : unmanaged
    {
        var buffer = accelerator.Allocate1D<T>(count);
        _buffers.Add(buffer);
        return buffer.View;
    }

    private double[] Draw(long count, double scale)
    {
        var values = new double[count];
        for (long i = 0; i < count; i++)
        {
            values[i] = ((_random.NextDouble() * 2) - 1) * scale;
        }

        return values;
    }

    // the numbers already have their type's precision, so that no conversion under test decides what is stored
    private WeightView Store(TensorType type, double[] values) => type switch
    {
        TensorType.Float32 => WeightView.Of(Upload([.. values.Select(value => (float)value)])),
        TensorType.Float16 => WeightView.Of(
            Upload([.. values.Select(value => Interop.IntAsFloat(BitConverter.HalfToUInt16Bits((System.Half)value)))])),
        _ => WeightView.Of(
            Upload([.. values.Select(value => BFloat16.FromBits((ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16)))])),
    };
}
