using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>What emitted code calls for barriers with phases, and for the boxes that come to them at once. A group has one thread.</summary>
internal static unsafe class PhaseFunctions
{
    private const int RowBytes = 128;
    private const int BoxColumns = RowBytes / sizeof(ushort);
    private const int ChunkBits = 0x70;

    /// <summary>Where a byte of rows of 128 bytes lies: bits 4 to 6 of the address are exchanged with their exclusive or with bits 7 to 9.</summary>
    public static long Swizzle(long address) => address ^ ((address >> 3) & ChunkBits);

    public static void Initialize(SimdGroup* group, int lane, long barrier, int arrivals) =>
        *(PhaseState*)barrier = new() { Arrivals = (ushort)arrivals, Missing = (ushort)arrivals };

    /// <summary>Arrives, for each group of a cluster.</summary>
    public static void Arrive(SimdGroup* group, int lane, long barrier, int bytes, int groups)
    {
        var state = (PhaseState*)barrier;
        state->Bytes += bytes;
        for (int i = 0; i < Math.Max(1, groups); i++)
        {
            state->Missing--;
            Advance(state);
        }
    }

    /// <summary>Whether the phase of a parity is complete; noted, so that whoever runs the vectors sees that something happens.</summary>
    public static bool IsComplete(SimdGroup* group, long barrier, int parity)
    {
        bool complete = ((PhaseState*)barrier)->Phase != parity;
        group->PhasesPassed += complete ? 1 : 0;
        return complete;
    }

    /// <summary>Copies a box, or one for each group of a cluster; what lies outside the matrix is zero.</summary>
    public static void Load(SimdGroup* group, int lane, long target, long barrier, long map, int row, int column, int boxes)
    {
        TensorMapFields fields = *(TensorMapFields*)map;
        for (int i = 0; i < Math.Max(1, ClusterBoxes.Of(boxes).Groups); i++)
        {
            Load(target + (i * fields.BoxRows * RowBytes), barrier, fields, row + (i * fields.BoxRows), column);
        }
    }

    private static void Load(long target, long barrier, in TensorMapFields fields, int row, int column)
    {
        for (int r = 0; r < fields.BoxRows; r++)
        {
            bool exists = (uint)(row + r) < (uint)fields.Rows;
            for (int c = 0; c < BoxColumns; c++)
            {
                bool isInside = exists && (uint)(column + c) < (uint)fields.Columns;
                long offset = ((((long)row + r) * fields.Columns) + column + c) * sizeof(ushort);
                *(ushort*)Swizzle(target + (r * RowBytes) + (c * sizeof(ushort))) = isInside ? *(ushort*)(fields.Address + offset) : (ushort)0;
            }
        }

        var state = (PhaseState*)barrier;
        state->Bytes -= fields.BoxRows * RowBytes;
        Advance(state);
    }

    private static void Advance(PhaseState* state)
    {
        if (state->Missing == 0 && state->Bytes == 0)
        {
            state->Missing = state->Arrivals;
            state->Phase ^= 1;
        }
    }

    // 64 bits, as the hardware's
    [StructLayout(LayoutKind.Sequential)]
    private struct PhaseState
    {
        private int _rest;

        public ushort Arrivals;
        public ushort Missing;

        public int Phase
        {
            readonly get => _rest & 1;
            set => _rest = (_rest & ~1) | value;
        }

        public int Bytes
        {
            readonly get => _rest >> 1;
            set => _rest = (value << 1) | (_rest & 1);
        }
    }
}
