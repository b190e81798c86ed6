using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

/// <summary>Brings a model's resident weights onto a device, part by part.</summary>
/// <param name="layout">The model.</param>
/// <param name="budget">Where device memory is taken.</param>
/// <param name="reader">Where weights are read.</param>
/// <param name="memory">Takes what is allocated, so that it is freed even when loading fails half-way.</param>
/// <param name="progress">Told the bytes of each part.</param>
/// <param name="cancellationToken">Checked before each part.</param>
internal sealed class WeightLoader(
    ModelLayout layout,
    DeviceBudget budget,
    IWeightReader reader,
    List<IDisposable> memory,
    IProgress<long>? progress,
    CancellationToken cancellationToken)
{
    private const int PartBytes = 4 << 20;

    private readonly Dictionary<string, ExpectedTensor> _tensors =
        TensorNames.Expected(layout.Config).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);

    private byte[] _part = [];

    /// <summary>Loads norms and biases.</summary>
    public LlamaWeights LoadSmall()
    {
        LlamaConfig config = layout.Config;
        var layers = new LayerWeights[config.LayerCount];
        for (int i = 0; i < layers.Length; i++)
        {
            LayerTensorNames names = TensorNames.Layer(i);
            StepMatrix Matrix(WeightStep step, int matrix) => layout.Steps[ModelLayout.IndexOf(i, step)].Matrices[matrix];
            layers[i] = new LayerWeights(
                AttentionNorm: Load(names.AttentionNorm),
                Query: Project(Matrix(WeightStep.QueryKeyValue, 0), names.QueryBias, config.AttentionBias),
                Key: Project(Matrix(WeightStep.QueryKeyValue, 1), names.KeyBias, config.AttentionBias),
                Value: Project(Matrix(WeightStep.QueryKeyValue, 2), names.ValueBias, config.AttentionBias),
                Output: Project(Matrix(WeightStep.AttentionOutput, 0), names.OutputBias, config.AttentionBias),
                MlpNorm: Load(names.MlpNorm),
                Gate: Project(Matrix(WeightStep.GateUp, 0), names.GateBias, config.MlpBias),
                Up: Project(Matrix(WeightStep.GateUp, 1), names.UpBias, config.MlpBias),
                Down: Project(Matrix(WeightStep.Down, 0), names.DownBias, config.MlpBias));
        }

        return new LlamaWeights(layers, Load(TensorNames.FinalNorm));
    }

    /// <summary>Loads a step's resident pieces: the rows of each matrix, by piece; null for pieces that are streamed.</summary>
    public MatrixRows[]?[] LoadResident(StepPlan step)
    {
        if (step.IsWholeResident)
        {
            // a buffer for each matrix: devices limit the size of one
            return [[.. step.Pieces[0].Step.Matrices.Select(matrix => new MatrixRows(Load(matrix.Tensor), 0, matrix.Rows))]];
        }

        return [.. step.Pieces.Select((piece, i) => step.IsResident[i] ? LoadPiece(piece) : null)];
    }

    /// <summary>Loads a whole tensor.</summary>
    public WeightView Load(string tensor)
    {
        TensorType type = layout.TypeOf(tensor);
        ArrayView<byte> target = Allocate(_tensors[tensor].ElementCount * type.ElementSize(), tensor);
        Fill(tensor, 0, target);
        return new WeightView(type, target);
    }

    /// <summary>The rows of a piece in its memory.</summary>
    public static MatrixRows[] RowsIn(WeightPiece piece, ArrayView<byte> memory)
    {
        var rows = new MatrixRows[piece.Rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            RowRange range = piece.Rows[i];
            rows[i] = new(new WeightView(range.Matrix.Type, memory.SubView(range.Offset, range.Bytes)), range.First, range.Count);
        }

        return rows;
    }

    private MatrixRows[] LoadPiece(WeightPiece piece)
    {
        MatrixRows[] rows = RowsIn(piece, Allocate(piece.SlotBytes, piece.Rows[0].Matrix.Tensor));
        for (int i = 0; i < rows.Length; i++)
        {
            RowRange range = piece.Rows[i];
            Fill(range.Matrix.Tensor, range.First * range.Matrix.RowBytes, rows[i].Weight.Data);
        }

        return rows;
    }

    private Projection Project(StepMatrix matrix, string bias, bool hasBias) =>
        new(matrix.Type, hasBias ? Load(bias) : null, matrix.Rows, matrix.RowLength);

    private ArrayView<byte> Allocate(long bytes, string tensor)
    {
        DeviceMemory<byte> allocated = budget.Allocate<byte>(bytes, tensor);
        memory.Add(allocated);
        return allocated.View;
    }

    private void Fill(string tensor, long offset, ArrayView<byte> target)
    {
        if (_part.Length == 0)
        {
            _part = GC.AllocateUninitializedArray<byte>(PartBytes);
        }

        for (long done = 0; done < target.Length; done += PartBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<byte> part = _part.AsSpan(0, (int)Math.Min(PartBytes, target.Length - done));
            reader.Read(tensor, offset + done, part);
            target.SubView(done, part.Length).CopyFromCPU(null, part);
            progress?.Report(part.Length);
        }
    }
}
