using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>A matrix that a tensor map is of, in global memory: 16-bit elements, boxes of 64 columns, swizzled by 128 bytes.</summary>
internal sealed record PtxTensorMap(int Address, int Rows, int Columns, int BoxRows);

/// <summary>
/// Barriers with phases, copies of boxes and products of warp groups, by NVIDIA's manual. Copies and products are carried out when they
/// begin; sums are double, rounded once for each instruction.
/// </summary>
internal sealed class PtxWarpGroups(byte[] memory, byte[] shared, IReadOnlyList<PtxTensorMap> maps)
{
    private const int Lanes = 128;

    // where in an address of another group its number stands
    private const int RankShift = 24;

    private readonly Dictionary<int, Barrier> _barriers = [];

    /// <summary>The groups of the cluster, by their numbers.</summary>
    public IReadOnlyList<PtxWarpGroups> Cluster { get; set; } = [];

    /// <summary>Phases that were passed: whoever runs the lanes sees by it that something happens.</summary>
    public int Passed { get; private set; }

    /// <summary><c>mbarrier</c>; false where a phase is not complete.</summary>
    public bool Do(PtxMachine machine, PtxLine line)
    {
        bool isInit = line.Modifiers[0] == "init";
        string place = line.Operands[isInit ? 0 : 1][0];
        int address = (int)machine.Address(place, 8);
        if (line.Modifiers is ["arrive", "shared::cluster", "b64"])
        {
            Cluster[address >> RankShift]._barriers[address & ((1 << RankShift) - 1)].Arrive(0);
            return true;
        }

        switch (string.Join('.', line.Modifiers))
        {
            case "init.shared.b64":
                _barriers[address] = new((int)machine.Read(line.Operands[1][0]));
                break;
            case "arrive.shared.b64":
                _barriers[address].Arrive(0);
                break;
            case "arrive.expect_tx.shared.b64":
                _barriers[address].Arrive((int)machine.Read(line.Operands[2][0]));
                break;
            case "try_wait.parity.shared.b64":
                bool complete = _barriers[address].Phase != (int)machine.Read(line.Operands[2][0]);
                machine.Write(line.Operands[0][0], complete ? 1UL : 0);
                Passed += complete ? 1 : 0;
                return complete;
            default:
                Assert.Fail(string.Join('.', line.Modifiers));
                break;
        }

        return true;
    }

    /// <summary><c>mapa.shared::cluster.u32 d, a, rank</c>.</summary>
    public static void Map(PtxMachine machine, PtxLine line) =>
        machine.Write(line.Operands[0][0], machine.Read(line.Operands[1][0]) | (machine.Read(line.Operands[2][0]) << RankShift));

    /// <summary><c>cp.async.bulk.tensor.2d... [target], [map, {column, row}], [barrier]</c>, or with the groups of the cluster that it is for.</summary>
    public void Load(PtxMachine machine, PtxLine line)
    {
        bool isMulticast = line.Modifiers[^1] == "multicast::cluster";
        Assert.That(
            string.Join('.', line.Modifiers),
            Is.EqualTo("async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes" + (isMulticast ? ".multicast::cluster" : string.Empty)));
        ulong mask = isMulticast ? machine.Read(line.Operands[3][0]) : 0;
        PtxWarpGroups[] targets = isMulticast ? [.. Cluster.Where((_, rank) => (mask >> rank & 1) != 0)] : [this];
        Array.ForEach(targets, group => group.Take(machine, line));
    }

    private void Take(PtxMachine machine, PtxLine line)
    {
        int target = (int)machine.Address(line.Operands[0][0], 1024);
        string[] source = [.. line.Operands[1].Select(name => name.Trim('[', ']', '{', '}'))];
        PtxTensorMap map = maps[(int)machine.Read(source[0])];
        int column = (int)machine.Read(source[1]);
        int row = (int)machine.Read(source[2]);
        for (int r = 0; r < map.BoxRows; r++)
        {
            for (int c = 0; c < 64; c++)
            {
                bool isInside = row + r >= 0 && row + r < map.Rows && column + c >= 0 && column + c < map.Columns;
                Span<byte> element = shared.AsSpan(Swizzle(target + (r * 128) + (2 * c)), 2);
                element.Clear();
                if (isInside)
                {
                    memory.AsSpan(map.Address + (2 * (((row + r) * map.Columns) + column + c)), 2).CopyTo(element);
                }
            }
        }

        _barriers[(int)machine.Address(line.Operands[2][0], 8)].Come(map.BoxRows * 128);
    }

    /// <summary>
    /// <c>wgmma.mma_async.sync.aligned.m64nNk16.f32.type.type {d}, a, b, p, 1, 1, 0, 0</c>, of the machines of a warp group; or with
    /// <c>{a}</c> and <c>1, 1, 1</c>, where B is N-major.
    /// </summary>
    public static void Multiply(PtxMachine[] group, PtxLine line)
    {
        Assert.That(group, Has.Length.EqualTo(Lanes));
        int columns = line.Operands[0].Length * 2;
        string type = line.Modifiers[^1];
        Assert.That(line.Modifiers, Is.EqualTo((string[])["mma_async", "sync", "aligned", $"m64n{columns}k16", "f32", type, type]));
        bool isHeld = line.Operands[1].Length > 1;
        Assert.That(line.Operands[4..].Select(operand => operand[0]), Is.EqualTo(isHeld ? (string[])["1", "1", "1"] : ["1", "1", "0", "0"]));
        byte[] shared = group[0].Shared;
        double[,] a = isHeld ? Held(group, line.Operands[1], type) : Operand(group, line.Operands[1][0], 64, type, shared, isRows: false);
        double[,] b = Operand(group, line.Operands[2][0], columns, type, shared, isHeld);
        for (int lane = 0; lane < Lanes; lane++)
        {
            bool accumulates = group[lane].Read(line.Operands[3][0]) != 0;
            for (int i = 0; i < columns / 2; i++)
            {
                int row = (lane / 32 * 16) + (lane % 32 / 4) + (i % 4 >= 2 ? 8 : 0);
                int column = (i / 4 * 8) + (lane % 4 * 2) + (i % 2);
                double sum = accumulates ? BitConverter.UInt32BitsToSingle((uint)group[lane].Read(line.Operands[0][i])) : 0;
                for (int k = 0; k < 16; k++)
                {
                    sum += a[row, k] * b[column, k];
                }

                group[lane].Write(line.Operands[0][i], BitConverter.SingleToUInt32Bits((float)sum));
            }
        }
    }

    // "Register fragments for wgmma.mma_async.m64k16", matrix A
    private static double[,] Held(PtxMachine[] group, string[] words, string type)
    {
        Assert.That(words, Has.Length.EqualTo(4));
        var values = new double[64, 16];
        for (int lane = 0; lane < Lanes; lane++)
        {
            for (int i = 0; i < 8; i++)
            {
                int row = (lane / 32 * 16) + (lane % 32 / 4) + (i / 2 % 2 * 8);
                int column = (lane % 4 * 2) + (i % 2) + (i / 4 * 8);
                values[row, column] = Number((ushort)(group[lane].Read(words[i / 2]) >> (16 * (i % 2))), type);
            }
        }

        return values;
    }

    private static double Number(ushort bits, string type) =>
        type == "f16" ? (double)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);

    // "Matrix descriptor format", swizzled by 128 bytes. K-major: rows of 128 bytes, 8 of them and then the stride. N-major: a row of 128
    // bytes for each k, 8 of them and then the stride; after 64 columns the leading distance.
    private static double[,] Operand(PtxMachine[] group, string name, int rows, string type, byte[] shared, bool isRows)
    {
        ulong descriptor = group[0].Read(name);
        Assert.That(group.Select(machine => machine.Read(name)), Is.All.EqualTo(descriptor), "the same in all lanes");
        Assert.That(descriptor >> 62, Is.EqualTo(1), "128-byte swizzling");
        Assert.That((descriptor >> 49) & 7, Is.Zero, "base offset");
        int start = (int)(descriptor & 0x3FFF) << 4;
        int leading = (int)((descriptor >> 16) & 0x3FFF) << 4;
        int stride = (int)((descriptor >> 32) & 0x3FFF) << 4;
        var values = new double[rows, 16];
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < 16; k++)
            {
                int offset = isRows
                    ? (k / 8 * stride) + (k % 8 * 128) + (row / 64 * leading) + (2 * (row % 64))
                    : (row / 8 * stride) + (row % 8 * 128) + (2 * k);
                values[row, k] = Number(BitConverter.ToUInt16(shared, Swizzle(start + offset)), type);
            }
        }

        return values;
    }

    private static int Swizzle(int address) => address ^ ((address & 0x380) >> 3);

    private sealed class Barrier(int arrivals)
    {
        private readonly int _arrivals = arrivals;
        private int _missing = arrivals;
        private int _bytes;

        public int Phase { get; private set; }

        public void Arrive(int bytes)
        {
            _bytes += bytes;
            _missing--;
            Advance();
        }

        public void Come(int bytes)
        {
            _bytes -= bytes;
            Advance();
        }

        private void Advance()
        {
            Assert.That(_missing, Is.Not.Negative, "arrivals");
            if (_missing == 0 && _bytes == 0)
            {
                Phase ^= 1;
                _missing = _arrivals;
            }
        }
    }
}
