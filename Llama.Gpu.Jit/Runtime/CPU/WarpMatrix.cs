using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// What <see cref="TensorCore"/> means, in C#: lanes exchange what they hold and each works out its own part of the result. Layouts and
/// the order of sums are those of <c>docs/ir.md</c>.
/// </summary>
internal static class WarpMatrix
{
    private const int Rows = 8;
    private const int RowBytes = 16;
    private const int InnerSize = 16;

    public static MatrixAccumulator MultiplyAdd<T>(MatrixFragmentA a, MatrixFragmentB b, MatrixAccumulator c)
        where T : unmanaged
    {
        if (typeof(T) != typeof(Half) && typeof(T) != typeof(BFloat16))
        {
            throw new InvalidKernelOperationException($"tensor cores multiply Half or BFloat16, found {typeof(T).Name}");
        }

        ReadOnlySpan<Operands> warp = Lane.Active.WarpGather(new Operands(a, b), stackalloc Operands[TensorCore.WarpSize]);
        int row = Warp.LaneIdx / 4;
        int column = 2 * (Warp.LaneIdx % 4);
        return new(
            Sum<T>(warp, row, column, c.TopLeft),
            Sum<T>(warp, row, column + 1, c.TopRight),
            Sum<T>(warp, row + 8, column, c.BottomLeft),
            Sum<T>(warp, row + 8, column + 1, c.BottomRight));
    }

    public static MatrixFragmentA Load<T>(ArrayView<T> memory, int row, int matrices, bool transposed)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != sizeof(ushort))
        {
            throw new InvalidKernelOperationException($"matrices have elements of 16 bits, found {typeof(T).Name}");
        }

        // an operation of the warp, even where a lane's own row is not asked for
        Row own = Warp.LaneIdx < Rows * matrices ? ReadRow(memory.SubView(row, Rows)) : default;
        ReadOnlySpan<Row> rows = Lane.Active.WarpGather(own, stackalloc Row[TensorCore.WarpSize]);
        uint Words(ReadOnlySpan<Row> all, int matrix)
        {
            int major = Warp.LaneIdx / 4;
            int minor = 2 * (Warp.LaneIdx % 4);
            ReadOnlySpan<Row> own = all.Slice(Rows * matrix, Rows);
            return transposed
                ? own[minor][major] | ((uint)own[minor + 1][major] << 16)
                : own[major][minor] | ((uint)own[major][minor + 1] << 16);
        }

        return new(
            Words(rows, 0), matrices > 1 ? Words(rows, 1) : 0, matrices > 2 ? Words(rows, 2) : 0, matrices > 2 ? Words(rows, 3) : 0);
    }

    private static unsafe Row ReadRow<T>(ArrayView<T> elements)
        where T : unmanaged
    {
        if (elements.Source is not CPUMemoryBuffer { Scope: MemoryScope.Shared })
        {
            throw new InvalidKernelOperationException("a matrix is loaded from memory that is not shared");
        }

        if (elements.Address % RowBytes != 0)
        {
            throw new InvalidKernelOperationException($"a row of a matrix begins at a multiple of {RowBytes} bytes");
        }

        Row row = default;
        for (int i = 0; i < Rows; i++)
        {
            row[i] = Unsafe.As<T, ushort>(ref elements[i]);
        }

        return row;
    }

    /// <summary>An element of A as the lanes of a warp hold it.</summary>
    public static float ElementOfA<T>(ReadOnlySpan<MatrixFragmentA> warp, int row, int k)
        where T : unmanaged => ElementOfA<T>(warp[HolderOfA(row, k)], row, k);

    private static int HolderOfA(int row, int k) => (4 * (row % 8)) + (k % 8 / 2);

    private static float ElementOfA<T>(MatrixFragmentA held, int row, int k)
        where T : unmanaged
    {
        uint word = (row < 8, k < 8) switch
        {
            (true, true) => held.Matrix0,
            (false, true) => held.Matrix1,
            (true, false) => held.Matrix2,
            _ => held.Matrix3,
        };
        return ToFloat<T>(word >> (16 * (k % 2)));
    }

    private static float Sum<T>(ReadOnlySpan<Operands> warp, int row, int column, float sum)
        where T : unmanaged
    {
        for (int k = 0; k < InnerSize; k++)
        {
            MatrixFragmentB b = warp[(4 * column) + (k % 8 / 2)].B;
            float product = ElementOfA<T>(warp[HolderOfA(row, k)].A, row, k) * ToFloat<T>((k < 8 ? b.Matrix0 : b.Matrix1) >> (16 * (k % 2)));
            sum += product;
        }

        return sum;
    }

    private static float ToFloat<T>(uint bits)
        where T : unmanaged => typeof(T) == typeof(Half) ? Half.FromBits((ushort)bits) : BFloat16.FromBits((ushort)bits);

    private readonly record struct Operands(MatrixFragmentA A, MatrixFragmentB B);

    [InlineArray(Rows)]
    private struct Row
    {
        private ushort _element;
    }
}
