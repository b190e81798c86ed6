using System.Collections.Immutable;

namespace Llama.Gpu.Scheduling;

/// <summary>Neighbouring rows of a matrix.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="First">First row.</param>
/// <param name="Count">Number of rows, at least 1.</param>
/// <param name="Offset">Where they begin in the piece's memory, in bytes.</param>
public readonly record struct RowRange(StepMatrix Matrix, int First, int Count, long Offset)
{
    /// <summary>Bytes of the rows.</summary>
    public long Bytes => Count * Matrix.RowBytes;
}

/// <summary>
/// What is brought to the device at once: of each matrix of a step some rows, the same share of each, so that one launch works on them.
/// </summary>
/// <param name="Step">The step.</param>
/// <param name="Index">Place among the step's pieces.</param>
/// <param name="Rows">Rows of each matrix.</param>
/// <param name="SlotBytes">Memory it takes, with each matrix aligned.</param>
public sealed record WeightPiece(LayoutStep Step, int Index, ImmutableArray<RowRange> Rows, long SlotBytes)
{
    /// <summary>Where matrices begin in a piece's memory: at multiples of this, which is what devices align allocations to.</summary>
    public const int Alignment = 256;

    // whole blocks of rows for every kernel's way of cutting them
    private const int RowGranule = 16;

    /// <summary>Bytes of weights.</summary>
    public long Bytes => Rows.Sum(rows => rows.Bytes);

    /// <summary>Cuts a step into pieces of at most some size, as few as possible.</summary>
    /// <param name="step">The step.</param>
    /// <param name="targetBytes">Most bytes of a piece; a piece of 16 rows may be larger.</param>
    public static ImmutableArray<WeightPiece> Cut(LayoutStep step, long targetBytes)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentOutOfRangeException.ThrowIfLessThan(targetBytes, 1);
        int most = Math.Max(1, step.Matrices.Min(matrix => matrix.Rows) / RowGranule);
        int count = (int)Math.Clamp((step.Bytes + targetBytes - 1) / targetBytes, 1, most);
        while (true)
        {
            ImmutableArray<WeightPiece> pieces = [.. Enumerable.Range(0, count).Select(i => Of(step, i, count))];
            if (count == most || pieces.Max(piece => piece.SlotBytes) <= targetBytes)
            {
                return pieces;
            }

            count++;
        }
    }

    /// <summary>A whole step as one piece.</summary>
    public static WeightPiece Whole(LayoutStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        return Of(step, 0, 1);
    }

    private static WeightPiece Of(LayoutStep step, int index, int count)
    {
        var rows = ImmutableArray.CreateBuilder<RowRange>(step.Matrices.Length);
        long offset = 0;
        foreach (StepMatrix matrix in step.Matrices)
        {
            int first = Boundary(matrix.Rows, index, count);
            var range = new RowRange(matrix, first, Boundary(matrix.Rows, index + 1, count) - first, offset);
            rows.Add(range);
            offset += (range.Bytes + Alignment - 1) / Alignment * Alignment;
        }

        return new WeightPiece(step, index, rows.DrainToImmutable(), offset);
    }

    private static int Boundary(int rows, int index, int count) =>
        index == count ? rows : (int)((long)rows * index / count) / RowGranule * RowGranule;
}
