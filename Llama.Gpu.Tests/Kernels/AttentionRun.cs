using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Reference;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Queries and f32 caches on a device, of which attention can take any stretch of tokens.</summary>
internal sealed class AttentionRun : IDisposable
{
    private readonly Accelerator _accelerator;
    private readonly KernelSet _kernels;
    private readonly OpData _data;
    private readonly ArrayView<float> _queries;
    private readonly ArrayView<float> _keys;
    private readonly ArrayView<float> _values;
    private readonly ArrayView<float> _cosines;
    private readonly ArrayView<float> _sines;
    private readonly ArrayView<float> _parts;
    private readonly ArrayView<int> _arrivals;
    private readonly ArrayView<int> _position;

    public AttentionRun(Accelerator accelerator, KernelSet kernels, AttentionShape shape, double queryScale = 10)
    {
        _accelerator = accelerator;
        _kernels = kernels;
        _data = new OpData(accelerator, kernels);
        Shape = shape;
        long cache = (long)shape.PositionCount * shape.KeyValueWidth;
        (double[] cosines, double[] sines) = ReferenceOps.RopeTables(shape.PositionCount, shape.HeadDim);
        _queries = _data.Floats((long)shape.TokenCount * shape.QueryWidth, queryScale).View;
        _keys = _data.Floats(cache).View;
        (_values, Values) = _data.Floats(cache);
        _cosines = _data.Floats(cosines).View;
        _sines = _data.Floats(sines).View;
        _parts = _data.Output(kernels.Attention.PartLength(shape.HeadCount, shape.KeyValueHeadCount, shape.HeadDim));
        _arrivals = _data.Upload(new int[shape.HeadCount]);
        _position = _data.Upload([shape.FirstPosition]);
    }

    public AttentionShape Shape { get; }

    /// <summary>(S, kvHeads, headDim), as they were made.</summary>
    public double[] Values { get; }

    /// <summary>Sets every key and value from a position on.</summary>
    public void Overwrite(int position, float value)
    {
        foreach (ArrayView<float> cache in new[] { _keys, _values })
        {
            long first = (long)position * Shape.KeyValueWidth;
            var numbers = new float[cache.Length - first];
            Array.Fill(numbers, value);
            cache.SubView(first, numbers.Length).CopyFromCPU(numbers);
        }
    }

    /// <summary>Attention of some of the tokens: (count, heads, headDim).</summary>
    public double[] Attend(int first, int count)
    {
        AttentionShape shape = Shape with { TokenCount = count, FirstPosition = Shape.FirstPosition + first };
        ArrayView<float> output = _data.Output((long)count * shape.QueryWidth);
        _kernels.Attention.Run(
            _accelerator.DefaultStream,
            Operands(_queries.SubView((long)first * shape.QueryWidth, (long)count * shape.QueryWidth), output, shape),
            _parts);
        _accelerator.DefaultStream.Synchronize();
        return OpData.Read(output);
    }

    /// <summary>The same for the one token, in one launch that reads the position on the device.</summary>
    public double[] AttendToken()
    {
        ArrayView<float> output = _data.Output(Shape.QueryWidth);
        _kernels.Attention.RunToken(_accelerator.DefaultStream, Operands(_queries, output, Shape), _parts, _arrivals, _position);
        _accelerator.DefaultStream.Synchronize();
        return OpData.Read(output);
    }

    public void Dispose() => _data.Dispose();

    private AttentionOperands Operands(ArrayView<float> queries, ArrayView<float> output, AttentionShape shape) => new(
        queries, WeightView.Of(_keys), WeightView.Of(_values), _cosines, _sines, output, shape, 1f / MathF.Sqrt(shape.HeadDim));
}
