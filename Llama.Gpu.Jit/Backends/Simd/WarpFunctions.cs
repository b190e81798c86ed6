using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// What emitted code calls where the lanes of a warp lie in several vectors. The operands of a vector lie in its frame from an offset on,
/// one after the other: for each scalar all lanes side by side. So does the result, for the lanes of the calling vector.
/// </summary>
internal static unsafe class WarpFunctions
{
    private const int TileRows = 16;
    private const int TileColumns = 8;
    private const int TileDepth = 16;
    private const int WordsOfA = 4;
    private const int WordsOfB = 2;
    private const int MatrixRows = 8;

    /// <summary>The value of another lane; an index outside the warp, or of a lane that the group does not have, gives the lane's own.</summary>
    public static void Shuffle(SimdGroup* group, int frameBytes, int offset, int vectorLanes, byte* result, int warpLanes, int elementBytes)
    {
        int first = group->FirstLane / warpLanes * warpLanes;
        int count = Math.Min(warpLanes, GroupLanes(group) - first);
        for (int lane = 0; lane < group->LaneCount; lane++)
        {
            int own = group->FirstLane + lane;
            int index = *(int*)Slot(group, frameBytes, offset + (vectorLanes * elementBytes), vectorLanes, own, sizeof(int));
            int source = (uint)index < (uint)count ? first + index : own;
            Unsafe.CopyBlockUnaligned(
                result + (lane * elementBytes), Slot(group, frameBytes, offset, vectorLanes, source, elementBytes), (uint)elementBytes);
        }
    }

    /// <summary>A product of tiles: the whole matrices are read from the fragments of the warp, then each lane's elements computed.</summary>
    public static void MultiplyAdd(SimdGroup* group, int frameBytes, int offset, int vectorLanes, byte* result, int element, int unused)
    {
        int first = FirstOfWholeWarp(group);
        float* a = stackalloc float[TileRows * TileDepth];
        float* b = stackalloc float[TileDepth * TileColumns];
        int word = vectorLanes * sizeof(uint);
        int ofB = offset + (WordsOfA * word);
        int ofC = ofB + (WordsOfB * word);
        for (int lane = 0; lane < TensorCore.WarpSize; lane++)
        {
            int major = lane >> 2;
            int minor = (lane & 3) << 1;
            for (int i = 0; i < WordsOfA; i++)
            {
                uint pair = *(uint*)Slot(group, frameBytes, offset + (i * word), vectorLanes, first + lane, sizeof(uint));
                float* at = a + ((major + ((i & 1) << 3)) * TileDepth) + minor + ((i >> 1) << 3);
                at[0] = ToFloat(pair, element);
                at[1] = ToFloat(pair >> 16, element);
            }

            for (int i = 0; i < WordsOfB; i++)
            {
                uint pair = *(uint*)Slot(group, frameBytes, ofB + (i * word), vectorLanes, first + lane, sizeof(uint));
                float* at = b + (major * TileDepth) + minor + (i << 3);
                at[0] = ToFloat(pair, element);
                at[1] = ToFloat(pair >> 16, element);
            }
        }

        for (int lane = 0; lane < group->LaneCount; lane++)
        {
            int own = group->FirstLane + lane;
            for (int i = 0; i < WordsOfA; i++)
            {
                float* row = a + ((((own & 31) >> 2) + ((i >> 1) << 3)) * TileDepth);
                float* column = b + ((((own & 3) << 1) + (i & 1)) * TileDepth);
                float sum = *(float*)Slot(group, frameBytes, ofC + (i * word), vectorLanes, own, sizeof(float));
                for (int k = 0; k < TileDepth; k++)
                {
                    sum += row[k] * column[k];
                }

                ((float*)result)[(i * vectorLanes) + lane] = sum;
            }
        }
    }

    /// <summary>A product of a warp group, A held by its lanes: each lane's sums, with k ascending.</summary>
    public static void MultiplyAddHeld(SimdGroup* group, int frameBytes, int offset, int vectorLanes, byte* unused, int immediate, int more)
    {
        int first = FirstOfWholeWarp(group);
        var shape = WarpGroupShape.Of(immediate);
        int ofA = offset + (vectorLanes * sizeof(long));
        int word = vectorLanes * sizeof(uint);
        int ofB = ofA + (WordsOfA * word);
        float* rows = stackalloc float[2 * TileDepth];
        for (int lane = 0; lane < group->LaneCount; lane++)
        {
            int own = group->FirstLane + lane;
            for (int i = 0; i < 2 * TileDepth; i += 2)
            {
                // the lane of four that has these columns; two rows, of which a lane has columns below 8 and above in words of their own
                int holder = first + ((own & 31) & ~3) + (i % 8 / 2);
                uint pair = *(uint*)Slot(group, frameBytes, ofA + (((i / TileDepth) + (i % TileDepth / 8 * 2)) * word), vectorLanes, holder, sizeof(uint));
                rows[i] = ToFloat(pair, (int)shape.Element);
                rows[i + 1] = ToFloat(pair >> 16, (int)shape.Element);
            }

            WarpGroupFunctions.MultiplyAddRows(
                group,
                own,
                *(float**)Slot(group, frameBytes, offset, vectorLanes, own, sizeof(long)),
                rows,
                *(long*)Slot(group, frameBytes, ofB, vectorLanes, own, sizeof(long)),
                *(int*)Slot(group, frameBytes, ofB + (vectorLanes * sizeof(long)), vectorLanes, own, sizeof(int)) != 0,
                shape);
        }
    }

    /// <summary>8x8 matrices of 16-bit elements, each lane with two elements of each.</summary>
    public static void LoadMatrix(SimdGroup* group, int frameBytes, int offset, int vectorLanes, byte* result, int count, int transposed)
    {
        int first = FirstOfWholeWarp(group);
        for (int matrix = 0; matrix < count; matrix++)
        {
            for (int lane = 0; lane < group->LaneCount; lane++)
            {
                int major = ((group->FirstLane + lane) & 31) >> 2;
                int minor = ((group->FirstLane + lane) & 3) << 1;
                ushort Element(int row, int column) =>
                    (*(ushort**)Slot(group, frameBytes, offset, vectorLanes, first + (matrix * MatrixRows) + row, sizeof(long)))[column];
                uint low = transposed != 0 ? Element(minor, major) : Element(major, minor);
                uint high = transposed != 0 ? Element(minor + 1, major) : Element(major, minor + 1);
                ((uint*)result)[(matrix * vectorLanes) + lane] = low | (high << 16);
            }
        }
    }

    /// <summary>Copies the first of some bytes and sets the others to zero.</summary>
    public static void Copy(long target, long source, int read, int bytes)
    {
        Unsafe.CopyBlockUnaligned((void*)target, (void*)source, (uint)read);
        Unsafe.InitBlockUnaligned((byte*)target + read, 0, (uint)(bytes - read));
    }

    private static float ToFloat(uint bits, int element) => element == (int)MatrixElement.Half
        ? (float)BitConverter.UInt16BitsToHalf((ushort)bits)
        : BitConverter.UInt32BitsToSingle(bits << 16);

    private static byte* Slot(SimdGroup* group, int frameBytes, int offset, int vectorLanes, int lane, int elementBytes) =>
        group->Frames + ((long)(lane / vectorLanes) * frameBytes) + offset + (lane % vectorLanes * elementBytes);

    private static int GroupLanes(SimdGroup* group) => group->GroupDimX * group->GroupDimY * group->GroupDimZ;

    private static int FirstOfWholeWarp(SimdGroup* group) => GroupLanes(group) % TensorCore.WarpSize == 0
        ? group->FirstLane / TensorCore.WarpSize * TensorCore.WarpSize
        : throw new InvalidKernelOperationException(
            $"tensor cores work on whole warps of {TensorCore.WarpSize} lanes, found {GroupLanes(group)} lanes a group");
}
