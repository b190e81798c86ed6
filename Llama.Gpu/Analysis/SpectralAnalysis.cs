using System.Collections.Immutable;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Analysis;

/// <summary>
/// The singular values of every attention head of a checkpoint, on a device. Layers are read one by one, and of a layer one matrix at a
/// time is in device memory; all heads of a matrix are reduced at once, and all matrices of a layer are decomposed at once.
/// Arithmetic is f64 throughout, so a device must have it.
/// </summary>
/// <param name="checkpoint">Where the weights are read.</param>
/// <param name="budget">Where device memory is taken.</param>
public sealed class SpectralAnalysis(Checkpoint checkpoint, DeviceBudget budget)
{
    private const string Purpose = "the spectral analysis of a layer";

    private readonly LlamaConfig _config = checkpoint.Config;
    private readonly SpectralKernelSet _kernels = new(budget.Accelerator);
    private readonly TensorUpload _upload = new(checkpoint, budget, Purpose);

    /// <summary>Analyses a checkpoint, layer by layer as the result is read.</summary>
    /// <param name="request">What to look at; null for q, k, v and o of every head and layer.</param>
    /// <param name="cancellationToken">Checked between matrices.</param>
    /// <returns>By layer, then by matrix in the order of <see cref="HeadMatrix"/>, then by head.</returns>
    /// <exception cref="AnalysisException">The model has no such layer or head, or heads too wide for the device.</exception>
    /// <exception cref="CheckpointException">Weights that cannot be read, or are not finite.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    public IEnumerable<HeadSpectrum> Analyze(SpectralRequest? request = null, CancellationToken cancellationToken = default)
    {
        request ??= new();
        request.Validate(_config);
        if (_config.HeadDim > _kernels.HeadTriangles.MaxWidth)
        {
            throw new AnalysisException(
                $"heads: expected a width of at most {_kernels.HeadTriangles.MaxWidth} on {budget.Accelerator.Name}, found {_config.HeadDim}");
        }

        return Layers(request, cancellationToken);
    }

    private IEnumerable<HeadSpectrum> Layers(SpectralRequest request, CancellationToken cancellationToken)
    {
        foreach (int layer in request.Layers?.Distinct().Order() ?? Enumerable.Range(0, _config.LayerCount))
        {
            foreach (HeadSpectrum spectrum in AnalyzeLayer(layer, request, cancellationToken))
            {
                yield return spectrum;
            }
        }
    }

    private List<HeadSpectrum> AnalyzeLayer(int layer, SpectralRequest request, CancellationToken cancellationToken)
    {
        HeadMatrix[] wanted = [.. request.Matrices.Distinct().Order()];
        HeadMatrix[] onlyFactors = [.. wanted.SelectMany(FactorsOf).Distinct().Except(wanted)];
        HeadMatrix[] all = [.. onlyFactors, .. wanted];

        // one behind the other; those that are only factors of a product come first, and are not decomposed
        int size = _config.HeadDim;
        int matrices = all.Sum(HeadsOf);
        int skipped = onlyFactors.Sum(HeadsOf);
        using var squares = budget.Allocate<double>(SquareMatrices.Length(matrices, size), Purpose);
        var places = new Dictionary<HeadMatrix, ArrayView<double>>();
        long first = 0;
        foreach (HeadMatrix matrix in all)
        {
            long length = SquareMatrices.Length(HeadsOf(matrix), size);
            places.Add(matrix, squares.View.SubView(first, length));
            first += length;
        }

        AcceleratorStream stream = budget.Accelerator.DefaultStream;
        foreach (HeadMatrix matrix in all.Where(matrix => matrix <= HeadMatrix.Output))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var weight = _upload.Load(TensorOf(layer, matrix));
            _kernels.HeadTriangles.Run(stream, weight.View, SlicesOf(matrix), places[matrix]);
            stream.Synchronize();
        }

        foreach (HeadMatrix product in wanted.Where(matrix => matrix > HeadMatrix.Output))
        {
            HeadMatrix[] factors = FactorsOf(product);
            _kernels.HeadProducts.Run(
                stream, places[factors[0]], places[factors[1]], places[product], _config.HeadCount, _config.KeyValueHeadCount, size);
        }

        cancellationToken.ThrowIfCancellationRequested();
        int count = matrices - skipped;
        using var work = budget.Allocate<double>(SingularValues.WorkLength(count, size), Purpose);
        using var values = budget.Allocate<double>((long)count * size, Purpose);
        _kernels.SingularValues.Run(
            stream, squares.View.SubView(SquareMatrices.Length(skipped, size)), work.View, values.View, count, size);
        stream.Synchronize();
        return Report(layer, wanted, values.View.GetAsArray(), request);
    }

    private List<HeadSpectrum> Report(int layer, HeadMatrix[] matrices, double[] values, SpectralRequest request)
    {
        var spectra = new List<HeadSpectrum>();
        int first = 0;
        int group = _config.HeadCount / _config.KeyValueHeadCount;
        foreach (HeadMatrix matrix in matrices)
        {
            IEnumerable<int> queryHeads = request.Heads?.Distinct().Order() ?? Enumerable.Range(0, _config.HeadCount);
            bool shared = matrix.IsOfKeyValueHead();
            IEnumerable<(int Reported, int Computed)> heads = shared switch
            {
                false => queryHeads.Select(head => (head, head)),
                true when request.PerQueryHead => queryHeads.Select(head => (head, head / group)),
                true => queryHeads.Select(head => head / group).Distinct().Select(head => (head, head)),
            };
            foreach (var (reported, computed) in heads)
            {
                var ofHead = values.AsSpan((first + computed) * _config.HeadDim, _config.HeadDim);
                spectra.Add(new(layer, matrix, reported, Sorted(ofHead, layer, matrix)));
            }

            first += HeadsOf(matrix);
        }

        return spectra;
    }

    // a matrix that is wide and low has no more of them than rows
    private ImmutableArray<double> Sorted(ReadOnlySpan<double> unsorted, int layer, HeadMatrix matrix)
    {
        double[] values = unsorted.ToArray();
        if (values.Any(value => !double.IsFinite(value)))
        {
            HeadMatrix stored = matrix <= HeadMatrix.Output ? matrix : FactorsOf(matrix)[0];
            TensorInfo tensor = TensorOf(layer, stored);
            throw new CheckpointException(tensor.File, "expected finite weights, found others", tensor.Name);
        }

        Array.Sort(values, (one, other) => other.CompareTo(one));
        double negligible = values[0] * Math.Max(_config.HiddenSize, _config.HeadDim) * Math.ScaleB(1, -52);
        return [.. values.Take(Math.Min(_config.HeadDim, _config.HiddenSize)).Select(value => value > negligible ? value : 0)];
    }

    private int HeadsOf(HeadMatrix matrix) => matrix.IsOfKeyValueHead() ? _config.KeyValueHeadCount : _config.HeadCount;

    private HeadSlices SlicesOf(HeadMatrix matrix) => matrix == HeadMatrix.Output
        ? HeadSlices.Columns(HeadsOf(matrix), _config.HeadDim, _config.HiddenSize)
        : HeadSlices.Rows(HeadsOf(matrix), _config.HeadDim, _config.HiddenSize);

    private TensorInfo TensorOf(int layer, HeadMatrix matrix)
    {
        LayerTensorNames names = TensorNames.Layer(layer);
        return checkpoint.Tensors[matrix switch
        {
            HeadMatrix.Query => names.QueryWeight,
            HeadMatrix.Key => names.KeyWeight,
            HeadMatrix.Value => names.ValueWeight,
            _ => names.OutputWeight,
        }];
    }

    private static HeadMatrix[] FactorsOf(HeadMatrix matrix) => matrix switch
    {
        HeadMatrix.QueryKey => [HeadMatrix.Query, HeadMatrix.Key],
        HeadMatrix.OutputValue => [HeadMatrix.Output, HeadMatrix.Value],
        _ => [],
    };
}
