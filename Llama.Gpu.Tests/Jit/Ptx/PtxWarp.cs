using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Shuffles and tensor cores, by NVIDIA's manual: what the lanes of a warp get of what they hold. Sums are double, rounded once.</summary>
internal static class PtxWarp
{
    private const int Lanes = 32;

    /// <summary><c>shfl.sync.idx.b32 d, a, lane, ...</c>, of lanes that exist.</summary>
    public static void Shuffle(PtxMachine[] machines, PtxLine line)
    {
        ulong[] given = [.. machines.Select(machine => machine.Read(line.Operands[1][0]))];
        for (int lane = 0; lane < machines.Length; lane++)
        {
            ulong source = machines[lane].Read(line.Operands[2][0]);
            int from = (lane & -Lanes) + (int)source;
            Assert.That(source < Lanes && from < machines.Length, "a shuffle reads a lane that there is");
            machines[lane].Write(line.Operands[0][0], given[from]);
        }
    }

    /// <summary><c>mma.sync.aligned.m16n8k16.row.col.f32.type.type.f32 d, a, b, c</c>.</summary>
    public static void MultiplyAdd(PtxMachine[] machines, PtxLine line)
    {
        Assert.That(machines.Length % Lanes, Is.Zero, "whole warps");
        Assert.That(line.Modifiers[..5], Is.EqualTo(new[] { "sync", "aligned", "m16n8k16", "row", "col" }));
        string type = line.Modifiers[6];
        Assert.That(line.Modifiers[5..], Is.EqualTo(new[] { "f32", type, type, "f32" }));
        foreach (PtxMachine[] warp in machines.Chunk(Lanes))
        {
            // element i of a lane's fragment
            double Half(int operand, int lane, int i)
            {
                var bits = (ushort)(warp[lane].Read(line.Operands[operand][i / 2]) >> (16 * (i % 2)));
                return type == "f16" ? (double)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);
            }

            double A(int row, int k) => Half(1, (row % 8 * 4) + (k % 8 / 2), (k % 2) + (row >= 8 ? 2 : 0) + (k >= 8 ? 4 : 0));
            double B(int k, int column) => Half(2, (column * 4) + (k % 8 / 2), (k % 2) + (k >= 8 ? 2 : 0));
            var results = new List<(PtxMachine Machine, string Register, float Value)>();
            for (int lane = 0; lane < Lanes; lane++)
            {
                for (int i = 0; i < 4; i++)
                {
                    int row = (lane / 4) + (i < 2 ? 0 : 8);
                    int column = (lane % 4 * 2) + (i % 2);
                    double c = BitConverter.UInt32BitsToSingle((uint)warp[lane].Read(line.Operands[3][i]));
                    results.Add((warp[lane], line.Operands[0][i], (float)(c + Enumerable.Range(0, 16).Sum(k => A(row, k) * B(k, column)))));
                }
            }

            results.ForEach(result => result.Machine.Write(result.Register, BitConverter.SingleToUInt32Bits(result.Value)));
        }
    }

    /// <summary><c>ldmatrix.sync.aligned.m8n8.xN(.trans).shared.b16 r, [p]</c>.</summary>
    public static void LoadMatrix(PtxMachine[] machines, PtxLine line)
    {
        Assert.That(machines.Length % Lanes, Is.Zero, "whole warps");
        bool transposed = line.Modifiers.Contains("trans");
        string[] words = line.Operands[0];
        Assert.That(line.Modifiers, Is.EqualTo(
            (string[])["sync", "aligned", "m8n8", $"x{words.Length}", .. transposed ? (string[])["trans"] : [], "shared", "b16"]));
        foreach (PtxMachine[] warp in machines.Chunk(Lanes))
        {
            int[] rows = [.. warp.Take(8 * words.Length).Select(machine => (int)machine.Address(line.Operands[1][0], 16))];
            uint Element(int matrix, int row, int column) => BitConverter.ToUInt16(warp[0].Shared, rows[(8 * matrix) + row] + (2 * column));
            for (int lane = 0; lane < Lanes; lane++)
            {
                for (int matrix = 0; matrix < words.Length; matrix++)
                {
                    (int row, int column) = (lane / 4, lane % 4 * 2);
                    uint low = transposed ? Element(matrix, column, row) : Element(matrix, row, column);
                    uint high = transposed ? Element(matrix, column + 1, row) : Element(matrix, row, column + 1);
                    warp[lane].Write(words[matrix], low | (high << 16));
                }
            }
        }
    }
}
