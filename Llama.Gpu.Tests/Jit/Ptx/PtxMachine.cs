using System.Globalization;
using System.Numerics;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>
/// Carries out the PTX of one lane, as NVIDIA's manual defines the instructions that the emitter uses: what generated text
/// means can then be checked without a device. Registers hold bits; global memory is one array, addressed from 0.
/// </summary>
internal sealed class PtxMachine(PtxProgram program, byte[] memory, params ulong[] parameters)
{
    private const int StepLimit = 10_000_000;

    private readonly Dictionary<string, ulong> _registers = [];
    private readonly byte[] _local = new byte[4096];
    private readonly PtxCopies _copies = new();
    private int _next;

    /// <summary>The memory that it shares with other lanes.</summary>
    public byte[] Shared { get; init; } = new byte[48 * 1024];

    /// <summary>Its place in the launch, by the names that PTX has for it; what is not named is 0, or 1 for extents.</summary>
    public Dictionary<string, uint> Place { get; init; } = [];

    /// <summary>What the lanes of a group do by barriers with phases; null where a kernel has none.</summary>
    public PtxWarpGroups? WarpGroups { get; init; }

    /// <summary>Runs to the end; the lane is the only one.</summary>
    public void Run() => Assert.That(RunToMeeting(), Is.Null);

    /// <summary>
    /// Runs until lanes meet: the barrier or shuffle that it stands at, the product of a warp group, a wait for a phase that is not
    /// complete; or null at the end.
    /// </summary>
    public PtxLine? RunToMeeting()
    {
        for (int step = 0; step < StepLimit; step++)
        {
            PtxLine line = program.Lines[_next++];
            if (line.Guard is not null && (_registers[line.Guard] != 0) == line.Negated)
            {
                continue;
            }

            switch (line.Name)
            {
                case "ret":
                    return null;
                case "bar" or "barrier" or "shfl" or "mma" or "ldmatrix":
                case "wgmma" when line.Modifiers[0] == "mma_async":
                case "mbarrier" when !WarpGroups!.Do(this, line):
                    return line;
                case "wgmma" or "mbarrier" or "fence" or "setmaxnreg":
                    break;
                case "cp" when line.Modifiers[1] == "bulk":
                    WarpGroups!.Load(this, line);
                    break;
                case "mapa":
                    PtxWarpGroups.Map(this, line);
                    break;
                case "bra":
                    _next = program.Labels[line.Operands[0][0]];
                    break;
                default:
                    Do(line);
                    break;
            }
        }

        throw new InvalidOperationException("the kernel does not end");
    }

    /// <summary>The value of a name or a number here.</summary>
    public ulong Read(string operand) => Value(operand);

    /// <summary>Sets a register.</summary>
    public void Write(string register, ulong value) => _registers[register] = value;

    private void Do(PtxLine line)
    {
        string type = line.Modifiers[^1];
        switch (line.Name)
        {
            case "ld" when line.Modifiers[0] == "param":
                string parameter = line.Operands[1][0].Trim('[', ']');
                Set(line, parameters[int.Parse(parameter[(parameter.LastIndexOf('_') + 1)..], CultureInfo.InvariantCulture)]);
                break;
            case "ld":
                Span<byte> from = At(line, line.Operands[1][0], line.Operands[0].Length * Bytes(type));
                for (int i = 0; i < line.Operands[0].Length; i++)
                {
                    _registers[line.Operands[0][i]] = Read(from[(i * Bytes(type))..], Bytes(type));
                }

                break;
            case "st":
                Span<byte> to = At(line, line.Operands[0][0], line.Operands[1].Length * Bytes(type));
                for (int i = 0; i < line.Operands[1].Length; i++)
                {
                    Write(to[(i * Bytes(type))..], Value(line.Operands[1][i]), Bytes(type));
                }

                break;
            case "atom":
                Span<byte> target = At(line, line.Operands[1][0], Bytes(type));
                ulong before = Read(target, Bytes(type));
                Write(target, After(line, type, before), Bytes(type));
                Set(line, before);
                break;
            case "mov" when line.Operands.Any(operand => operand.Length > 1):
                Repack(line.Operands[0], line.Operands[1], Bytes(type) * 8);
                break;
            case "setp":
                Set(line, PtxArithmetic.Compare(line.Modifiers[0], type, Value(line.Operands[1][0]), Value(line.Operands[2][0])) ? 1UL : 0);
                break;
            case "selp":
                Set(line, Value(line.Operands[Value(line.Operands[3][0]) != 0 ? 1 : 2][0]));
                break;
            case "cp":
                Copy(line);
                break;
            case "cvt" when line.Modifiers is ["rn", "f16x2" or "bf16x2", "f32"]:
                string[] half = ["rn", line.Modifiers[1][..^2], "f32"];
                Set(line, (PtxArithmetic.Convert(half, Value(line.Operands[1][0])) << 16) | PtxArithmetic.Convert(half, Value(line.Operands[2][0])));
                break;
            case "cvt":
                Set(line, PtxArithmetic.Convert(line.Modifiers, Value(line.Operands[1][0])));
                break;
            default:
                Set(line, PtxArithmetic.Compute(line.Name, line.Modifiers, [.. line.Operands.Skip(1).Select(operand => Value(operand[0]))]));
                break;
        }
    }

    // what is copied is read when it is asked for and written when it is waited for
    private void Copy(PtxLine line)
    {
        switch (line.Modifiers[1])
        {
            case "commit_group":
                _copies.Commit();
                break;
            case "wait_group":
                _copies.Wait((int)Value(line.Operands[0][0]), Shared);
                break;
            default:
                int bytes = (int)Value(line.Operands[2][0]);
                int read = line.Operands.Length > 3 ? (int)Value(line.Operands[3][0]) : bytes;
                Assert.That(read, Is.InRange(0, bytes));
                Assert.That(line.Modifiers[1], Is.EqualTo(bytes == 16 ? "cg" : "ca"));
                byte[] copied = new byte[bytes];
                memory.AsSpan((int)Address(line.Operands[1][0], bytes), read).CopyTo(copied);
                _copies.Begin((int)Address(line.Operands[0][0], bytes), copied);
                break;
        }
    }

    private ulong After(PtxLine line, string type, ulong before)
    {
        ulong value = Value(line.Operands[2][0]);
        return line.Modifiers[1] switch
        {
            "exch" => value,
            "cas" => before == value ? Value(line.Operands[3][0]) : before,
            var name => PtxArithmetic.Compute(name, [type], [before, value]),
        };
    }

    private void Repack(string[] results, string[] sources, int bits)
    {
        UInt128 all = 0;
        int width = bits / sources.Length;
        for (int i = 0; i < sources.Length; i++)
        {
            all |= (UInt128)PtxArithmetic.Low(Value(sources[i]), width) << (i * width);
        }

        width = bits / results.Length;
        for (int i = 0; i < results.Length; i++)
        {
            _registers[results[i]] = PtxArithmetic.Low((ulong)(all >> (i * width)), width);
        }
    }

    private void Set(PtxLine line, ulong value) => _registers[line.Operands[0][0]] = value;

    private ulong Value(string operand) => operand switch
    {
        ['0', 'f', .. var single] => ulong.Parse(single, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        ['0', 'd', .. var wide] => ulong.Parse(wide, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        ['0', 'x', .. var bits] => ulong.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        ['-' or (>= '0' and <= '9'), ..] => (ulong)(long)BigInteger.Parse(operand, CultureInfo.InvariantCulture),
        "%cluster_ctarank" => Place["%cluster_ctarank"],
        ['%', .. var special] when special.Contains('.') => Place.GetValueOrDefault(operand, special.StartsWith('n') ? 1u : 0),
        _ when program.Variables.TryGetValue(operand, out int address) => (ulong)address,
        "dynamic_shared" => 0,
        _ when _registers.TryGetValue(operand, out ulong value) => value,

        // the address of a parameter that is passed whole: its number
        _ => parameters[int.Parse(operand[(operand.LastIndexOf('_') + 1)..], CultureInfo.InvariantCulture)],
    };

    private Span<byte> At(PtxLine line, string address, int bytes) =>
        (line.Modifiers[0] switch { "global" => memory, "shared" => Shared, _ => _local }).AsSpan((int)Address(address, bytes), bytes);

    /// <summary>The address that an operand in brackets names.</summary>
    public ulong Address(string operand, int alignment)
    {
        string[] parts = operand.Trim('[', ']').Split('+');
        ulong at = Value(parts[0]) + (parts.Length > 1 ? Value(parts[1]) : 0);
        Assert.That(at % (ulong)alignment, Is.Zero, $"{operand} is aligned");
        return at;
    }

    private static ulong Read(ReadOnlySpan<byte> from, int bytes) => bytes switch
    {
        1 => from[0],
        2 => BitConverter.ToUInt16(from),
        4 => BitConverter.ToUInt32(from),
        _ => BitConverter.ToUInt64(from),
    };

    private static void Write(Span<byte> to, ulong value, int bytes) => BitConverter.GetBytes(value).AsSpan(0, bytes).CopyTo(to);

    private static int Bytes(string type) => type == "pred" ? 1 : int.Parse(type[1..], CultureInfo.InvariantCulture) / 8;
}
