using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>What emitted code calls for a lane's part of a product of its warp group: the operands lie in shared memory, so no lane needs another.</summary>
internal static unsafe class WarpGroupFunctions
{
    private const int Depth = 16;
    private const int RowBytes = 128;

    /// <summary>The lane's rows of A times its columns, which are rows of B, added to its sums with k ascending.</summary>
    public static void MultiplyAdd(SimdGroup* group, int lane, long sums, long a, long b, bool accumulate, int immediate)
    {
        int lanes = group->GroupDimX * group->GroupDimY * group->GroupDimZ;
        if (lanes % WarpGroup.Size != 0)
        {
            throw new InvalidKernelOperationException($"this works on whole warp groups of {WarpGroup.Size} lanes, found {lanes} lanes a group");
        }

        var shape = WarpGroupShape.Of(immediate);
        int own = (group->FirstLane + lane) % WarpGroup.Size;
        int firstRow = (own / 32 * 16) + (own % 32 / 4);
        float* rows = stackalloc float[2 * Depth];
        float* column = stackalloc float[Depth];
        Read(a, firstRow, shape.Element, rows);
        Read(a, firstRow + 8, shape.Element, rows + Depth);
        for (int pair = 0; pair < shape.Columns / 8; pair++)
        {
            for (int i = 0; i < 4; i++)
            {
                if (i is 0 or 2)
                {
                    Read(b, (8 * pair) + (2 * (own % 4)) + (i / 2), shape.Element, column);
                }

                // sums of a pair of columns: first row left and right, second row left and right
                float* row = rows + (i % 2 * Depth);
                float* at = (float*)sums + (4 * pair) + (i / 2) + (2 * (i % 2));
                float sum = accumulate ? *at : 0f;
                for (int k = 0; k < Depth; k++)
                {
                    sum += row[k] * column[k];
                }

                *at = sum;
            }
        }
    }

    private static void Read(long tile, int row, MatrixElement element, float* values)
    {
        for (int k = 0; k < Depth; k++)
        {
            ushort bits = *(ushort*)PhaseFunctions.Swizzle(tile + (row * RowBytes) + (k * sizeof(ushort)));
            values[k] = element == MatrixElement.Half ? (float)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);
        }
    }
}
