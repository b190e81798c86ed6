using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// How boxes of a matrix are copied to shared memory by the tensor memory accelerator of CUDA devices of compute capability 9.0
/// (<c>cp.async.bulk.tensor</c>, with swizzling by 128 bytes): a kernel's parameter. A box is 64 columns wide; its rows lie 128 bytes
/// apart, and chunk c (16 bytes) of row r in place <c>c ^ (r % 8)</c>, so that the same chunk of 8 rows lies in all 32 banks.
/// </summary>
/// <typeparam name="T"><see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
public readonly struct TensorMap<T>
    where T : unmanaged
{
    /// <summary>Columns of a box.</summary>
    public const int BoxColumns = 64;

    /// <summary>Bytes that a box in shared memory begins at a multiple of.</summary>
    public const int BoxAlignment = 1024;

    private const int MostBoxRows = 256;
    private const int RowMultiple = 16;

    /// <summary>The map of a matrix.</summary>
    /// <param name="matrix">Its elements, row after row; begins at a multiple of 16 bytes.</param>
    /// <param name="rows">Rows of the matrix.</param>
    /// <param name="columns">Columns of the matrix, a multiple of 8.</param>
    /// <param name="boxRows">Rows of a box, 1 to 256.</param>
    /// <exception cref="ArgumentException">An extent or an alignment that the hardware cannot copy, or too few elements.</exception>
    public TensorMap(ArrayView<T> matrix, int rows, int columns, int boxRows)
    {
        if (typeof(T) != typeof(Half) && typeof(T) != typeof(BFloat16))
        {
            throw new ArgumentException($"expected elements of Half or BFloat16, found {typeof(T).Name}", nameof(matrix));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (boxRows is < 1 or > MostBoxRows)
        {
            throw new ArgumentOutOfRangeException(nameof(boxRows), boxRows, $"expected 1 to {MostBoxRows}");
        }

        if (columns * Unsafe.SizeOf<T>() % RowMultiple != 0 || matrix.Address % RowMultiple != 0)
        {
            throw new ArgumentException(
                $"expected rows that begin at multiples of {RowMultiple} bytes, found {columns} columns from {matrix.Address % RowMultiple} bytes behind one",
                nameof(matrix));
        }

        if (matrix.Length < (long)rows * columns)
        {
            throw new ArgumentException($"expected at least {(long)rows * columns} elements ({rows} x {columns}), found {matrix.Length}", nameof(matrix));
        }

        Matrix = matrix;
        Rows = rows;
        Columns = columns;
        BoxRows = boxRows;
    }

    /// <summary>The elements.</summary>
    internal ArrayView<T> Matrix { get; }

    /// <summary>Rows of the matrix.</summary>
    internal int Rows { get; }

    /// <summary>Columns of the matrix.</summary>
    internal int Columns { get; }

    /// <summary>Rows of a box.</summary>
    internal int BoxRows { get; }

    /// <summary>
    /// Begins to copy a box; what lies outside the matrix is zero. One lane does it. The bytes of the whole box count for the barrier's
    /// phase, which those wait for who read the box; until then nobody may touch it. Device side.
    /// </summary>
    /// <param name="target">A view of shared memory.</param>
    /// <param name="targetIndex">Where the box goes: a multiple of 1024 bytes.</param>
    /// <param name="row">First row.</param>
    /// <param name="column">First column.</param>
    /// <param name="barriers">A view of shared memory.</param>
    /// <param name="index">Which element of it is the <see cref="AsyncBarrier"/>.</param>
    public void Load(ArrayView<T> target, int targetIndex, int row, int column, ArrayView<ulong> barriers, int index) =>
        Lane.Active.Group.Phases.Load(Lane.Active, this, target, targetIndex, row, column, PhaseBarriers.Place(barriers, index));
}
