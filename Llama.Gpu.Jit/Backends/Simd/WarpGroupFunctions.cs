using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>A lane's part of a product of its warp group. Where both operands lie in shared memory, no lane needs another.</summary>
internal static unsafe class WarpGroupFunctions
{
    private const int Depth = 16;
    private const int RowBytes = 128;
    private const int BlockColumns = RowBytes / sizeof(ushort);

    /// <summary>The lane's rows of A times its columns, which are rows of B, added to its sums with k ascending.</summary>
    public static void MultiplyAdd(SimdGroup* group, int lane, long sums, long a, long b, bool accumulate, int immediate)
    {
        var shape = WarpGroupShape.Of(immediate);
        int own = (group->FirstLane + lane) % WarpGroup.Size;
        int firstRow = (own / 32 * 16) + (own % 32 / 4);
        float* rows = stackalloc float[2 * Depth];
        Read(a, firstRow, shape, rows);
        Read(a, firstRow + 8, shape, rows + Depth);
        MultiplyAddRows(group, own, (float*)sums, rows, b, accumulate, shape);
    }

    /// <summary>A lane's two rows of A times its columns of B.</summary>
    public static void MultiplyAddRows(SimdGroup* group, int own, float* sums, float* rows, long b, bool accumulate, WarpGroupShape shape)
    {
        int lanes = group->GroupDimX * group->GroupDimY * group->GroupDimZ;
        if (lanes % WarpGroup.Size != 0)
        {
            throw new InvalidKernelOperationException($"this works on whole warp groups of {WarpGroup.Size} lanes, found {lanes} lanes a group");
        }

        float* column = stackalloc float[Depth];
        for (int pair = 0; pair < shape.Columns / 8; pair++)
        {
            for (int i = 0; i < 4; i++)
            {
                if (i is 0 or 2)
                {
                    Read(b, (8 * pair) + (2 * (own % 4)) + (i / 2), shape, column);
                }

                // sums of a pair of columns: first row left and right, second row left and right
                float* row = rows + (i % 2 * Depth);
                float* at = sums + (4 * pair) + (i / 2) + (2 * (i % 2));
                float sum = accumulate ? *at : 0f;
                for (int k = 0; k < Depth; k++)
                {
                    sum += row[k] * column[k];
                }

                *at = sum;
            }
        }
    }

    // 16 elements along K: of a row, or of a column where the operand is rows of K, in blocks of 64 columns
    private static void Read(long tile, int index, WarpGroupShape shape, float* values)
    {
        bool isColumn = shape.BlockDistance > 0;
        long first = tile + (isColumn ? ((long)(index / BlockColumns) * shape.BlockDistance) + (index % BlockColumns * sizeof(ushort)) : index * RowBytes);
        for (int k = 0; k < Depth; k++)
        {
            ushort bits = *(ushort*)PhaseFunctions.Swizzle(first + (k * (isColumn ? RowBytes : sizeof(ushort))));
            values[k] = shape.Element == MatrixElement.Half ? (float)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);
        }
    }
}
