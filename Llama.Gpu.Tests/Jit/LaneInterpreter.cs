using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit;

/// <summary>
/// Runs a function of the intermediate representation, one lane at a time: what a frontend, a pass or a backend is compared with.
/// It shares no arithmetic with the compiler. An access outside memory, or one less aligned than it promises, is an exception.
/// </summary>
internal sealed class LaneInterpreter(IrFunction function, byte[] global)
{
    private const int SpaceShift = 40;
    private const int StepLimit = 10_000_000;
    private readonly Dictionary<IrValue, long[]> _values = [];
    private readonly Dictionary<Instruction, long> _allocations = [];
    private byte[] _local = [];
    private long _sharedUsed;

    /// <summary>Memory of the group; kept between lanes.</summary>
    public byte[] Shared { get; } = new byte[256 * 1024];

    /// <summary>The launch as the lane sees it; what is not stated is 0, and 1 for extents.</summary>
    public Dictionary<BuiltIn, int> BuiltIns { get; } = new()
    {
        [BuiltIn.GroupDimX] = 1, [BuiltIn.GroupDimY] = 1, [BuiltIn.GroupDimZ] = 1,
        [BuiltIn.GridDimX] = 1, [BuiltIn.GridDimY] = 1, [BuiltIn.GridDimZ] = 1, [BuiltIn.WarpSize] = 1,
    };

    /// <summary>Instructions run so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The argument that points to a byte of global memory.</summary>
    public static long Global(long offset) => ((long)AddressSpace.Global << SpaceShift) + offset;

    /// <summary>Runs one lane.</summary>
    /// <param name="arguments">One for each parameter: an integer, the bits of a float, or <see cref="Global"/>.</param>
    public void Run(params long[] arguments)
    {
        _values.Clear();
        _local = [];
        IrBlock? block = function.Entry;
        while (block is not null)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (++Steps > StepLimit)
                {
                    throw new InvalidOperationException($"kernel {function.Name} does not end");
                }

                _values[instruction] = Evaluate(instruction, arguments);
            }

            block = Next(block);
        }
    }

    private IrBlock? Next(IrBlock block)
    {
        Jump? jump = block.Terminator switch
        {
            Goto only => only.Target,
            Branch branch => _values[branch.Condition][0] != 0 ? branch.IfTrue : branch.IfFalse,
            _ => null,
        };
        if (jump is null)
        {
            return null;
        }

        // all arguments are read before any parameter is set: a loop may swap two of its parameters
        long[][] passed = [.. jump.Arguments.Select(argument => _values[argument])];
        for (int i = 0; i < passed.Length; i++)
        {
            _values[jump.Block.Parameters[i]] = passed[i];
        }

        return jump.Block;
    }

    private long[] Evaluate(Instruction instruction, long[] arguments)
    {
        IrType type = instruction.Type;
        long[] A() => _values[instruction.Operands[0]];
        long[] B() => _values[instruction.Operands[1]];
        long[] C() => _values[instruction.Operands[2]];
        IrType from = instruction.Operands.Length > 0 ? instruction.Operands[0].Type : type;
        switch (instruction.Op)
        {
            case Op.Constant:
                return [Wrap(type, instruction.Immediate)];
            case Op.Undefined:
                return [.. Enumerable.Repeat(Wrap(type, unchecked((long)0xDEAD_BEEF_DEAD_BEEF)), type.Width)];
            case Op.Parameter:
                return [type.IsPointer ? arguments[instruction.Immediate] : Wrap(type, arguments[instruction.Immediate])];
            case Op.BuiltIn:
                return [BuiltIns.GetValueOrDefault((BuiltIn)instruction.Immediate)];
            case Op.Select:
                return A()[0] != 0 ? B() : C();
            case Op.Truncation or Op.SignExtend:
                return [Wrap(type, A()[0])];
            case Op.ZeroExtend:
                return [Wrap(type, Unsigned(from, A()[0]))];
            case Op.IntToFloat:
                return [FromInteger(type, A()[0])];
            case Op.UnsignedToFloat:
                return [FromInteger(type, Unsigned(from, A()[0]))];
            case Op.FloatToInt:
                return [ToInteger(from, A()[0], -(Int128.One << (type.ScalarBits - 1)), (Int128.One << (type.ScalarBits - 1)) - 1)];
            case Op.FloatToUnsigned:
                return [Wrap(type, ToInteger(from, A()[0], 0, (Int128.One << type.ScalarBits) - 1))];
            case Op.FloatToFloat:
                return [type == IrType.F64 ? Bits((double)Single(A()[0])) : Bits((float)Double(A()[0]))];
            case Op.Bitcast:
                return FromBytes(type, ToBytes(from, A()));
            case Op.HalfToFloat:
                return [Bits((float)BitConverter.Int16BitsToHalf((short)A()[0]))];
            case Op.FloatToHalf:
                return [BitConverter.HalfToInt16Bits((System.Half)Single(A()[0]))];
            case Op.BFloat16ToFloat:
                return [(int)(A()[0] << 16)];
            case Op.FloatToBFloat16:
                return [RoundToBFloat16(Single(A()[0]))];
            case Op.AllocateShared or Op.AllocateLocal:
                return [Allocate(instruction)];
            case Op.DynamicShared:
                return [((long)AddressSpace.Shared << SpaceShift) + (Shared.Length / 2)];
            case Op.Offset:
                return [A()[0] + B()[0]];
            case Op.Load:
                return FromBytes(type, Memory(A()[0], type.Bytes, instruction));
            case Op.Store:
                ToBytes(instruction.Operands[1].Type, B()).CopyTo(Memory(A()[0], instruction.Operands[1].Type.Bytes, instruction));
                return [];
            case Op.Atomic:
                return Exchange(instruction, old => Combine((AtomicOp)instruction.Immediate, type, old, B()[0]));
            case Op.CompareExchange:
                return Exchange(instruction, old => old == B()[0] ? C()[0] : old);
            case Op.BuildVector:
                return [.. instruction.Operands.Select(operand => _values[operand][0])];
            case Op.Extract:
                return [A()[instruction.Immediate]];
            case Op.Barrier or Op.WarpBarrier or Op.Fence:
                return [];
            case Op.Shuffle or Op.Broadcast:
                return A();
            default:
                return [Compute(instruction.Op, from, [.. instruction.Operands.Select(operand => _values[operand][0])])];
        }
    }

    private static long Compute(Op op, IrType type, long[] operands) => type.Kind switch
    {
        IrKind.F32 => op is Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU
            ? Compare(op, Single(operands[0]), Single(operands[1]))
            : Bits(Float(op, [.. operands.Select(Single)])),
        IrKind.F64 => op is Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU
            ? Compare(op, Double(operands[0]), Double(operands[1]))
            : Bits(Float(op, [.. operands.Select(Double)])),
        _ => Integer(op, type, operands[0], operands.Length > 1 ? operands[1] : 0),
    };

    // 128 bits hold every sum, difference and product, signed or not, before it is wrapped
    private static long Integer(Op op, IrType type, Int128 a, Int128 b)
    {
        Int128 unsignedA = Unsigned(type, (long)a);
        Int128 unsignedB = Unsigned(type, (long)b);
        int shift = (int)(b & (Math.Max(type.ScalarBits, 1) - 1));
        return op switch
        {
            Op.Add => Wrap(type, a + b),
            Op.Sub => Wrap(type, a - b),
            Op.Mul => Wrap(type, a * b),
            Op.Div => Wrap(type, a / b),
            Op.DivU => Wrap(type, unsignedA / unsignedB),
            Op.Rem => Wrap(type, a % b),
            Op.RemU => Wrap(type, unsignedA % unsignedB),
            Op.And => Wrap(type, a & b),
            Op.Or => Wrap(type, a | b),
            Op.Xor => Wrap(type, a ^ b),
            Op.Shl => Wrap(type, a << shift),
            Op.Shr => Wrap(type, a >> shift),
            Op.ShrU => Wrap(type, unsignedA >> shift),
            Op.Min => (long)Int128.Min(a, b),
            Op.MinU => (long)(unsignedA < unsignedB ? a : b),
            Op.Max => (long)Int128.Max(a, b),
            Op.MaxU => (long)(unsignedA > unsignedB ? a : b),
            Op.Neg => Wrap(type, -a),
            Op.Not => Wrap(type, ~a),
            Op.Abs => Wrap(type, Int128.Abs(a)),
            Op.Eq => a == b ? 1 : 0,
            Op.Ne => a != b ? 1 : 0,
            Op.Lt => a < b ? 1 : 0,
            Op.Le => a <= b ? 1 : 0,
            Op.LtU => unsignedA < unsignedB ? 1 : 0,
            Op.LeU => unsignedA <= unsignedB ? 1 : 0,
            _ => throw new NotSupportedException($"{op} of {type}"),
        };
    }

    private static long Compare<T>(Op op, T a, T b)
        where T : IFloatingPointIeee754<T> => op switch
        {
            Op.Eq => a == b,
            Op.Ne => a != b,
            Op.Lt => a < b,
            Op.Le => a <= b,
            Op.LtU => !(a >= b),
            _ => !(a > b),
        }
        ? 1
        : 0;

    private static T Float<T>(Op op, T[] x)
        where T : IFloatingPointIeee754<T> => op switch
        {
            Op.Add => x[0] + x[1],
            Op.Sub => x[0] - x[1],
            Op.Mul => x[0] * x[1],
            Op.Div => x[0] / x[1],
            Op.Rem => x[0] % x[1],
            Op.Min => T.Min(x[0], x[1]),
            Op.Max => T.Max(x[0], x[1]),
            Op.Neg => -x[0],
            Op.Abs => T.Abs(x[0]),
            Op.Fma => T.FusedMultiplyAdd(x[0], x[1], x[2]),
            Op.Sqrt => T.Sqrt(x[0]),
            Op.Rsqrt => T.One / T.Sqrt(x[0]),
            Op.Exp => T.Exp(x[0]),
            Op.Exp2 or Op.Exp2Approximate => T.Exp2(x[0]),
            Op.Log => T.Log(x[0]),
            Op.Log2 => T.Log2(x[0]),
            Op.Sin => T.Sin(x[0]),
            Op.Cos => T.Cos(x[0]),
            Op.Tanh => T.Tanh(x[0]),
            Op.Floor => T.Floor(x[0]),
            Op.Ceiling => T.Ceiling(x[0]),
            Op.RoundEven => T.Round(x[0], MidpointRounding.ToEven),
            Op.Truncate => T.Truncate(x[0]),
            Op.Pow => T.Pow(x[0], x[1]),
            _ => throw new NotSupportedException($"{op} of a float"),
        };

    private static long Combine(AtomicOp op, IrType type, long old, long operand) => op switch
    {
        AtomicOp.Add => Compute(Op.Add, type, [old, operand]),
        AtomicOp.Min => Compute(Op.Min, type, [old, operand]),
        AtomicOp.MinU => Compute(Op.MinU, type, [old, operand]),
        AtomicOp.Max => Compute(Op.Max, type, [old, operand]),
        AtomicOp.MaxU => Compute(Op.MaxU, type, [old, operand]),
        AtomicOp.And => Compute(Op.And, type, [old, operand]),
        AtomicOp.Or => Compute(Op.Or, type, [old, operand]),
        AtomicOp.Xor => Compute(Op.Xor, type, [old, operand]),
        _ => operand,
    };

    private long[] Exchange(Instruction instruction, Func<long, long> update)
    {
        Span<byte> place = Memory(_values[instruction.Operands[0]][0], instruction.Type.Bytes, null);
        long[] old = FromBytes(instruction.Type, place);
        ToBytes(instruction.Type, [update(old[0])]).CopyTo(place);
        return old;
    }

    private long Allocate(Instruction instruction)
    {
        if (instruction.Op == Op.AllocateLocal)
        {
            long start = (_local.Length + 15L) & ~15;
            if (!_values.TryGetValue(instruction, out long[]? made))
            {
                Array.Resize(ref _local, (int)(start + instruction.Immediate));
            }

            return made?[0] ?? ((long)AddressSpace.Local << SpaceShift) + start;
        }

        if (!_allocations.TryGetValue(instruction, out long address))
        {
            address = ((long)AddressSpace.Shared << SpaceShift) + _sharedUsed;
            _allocations.Add(instruction, address);
            _sharedUsed = (_sharedUsed + instruction.Immediate + 15) & ~15;
        }

        return address;
    }

    private Span<byte> Memory(long address, int bytes, Instruction? access)
    {
        long offset = address & ((1L << SpaceShift) - 1);
        byte[] memory = (AddressSpace)(address >> SpaceShift) switch
        {
            AddressSpace.Global => global,
            AddressSpace.Shared => Shared,
            AddressSpace.Local => _local,
            _ => throw new InvalidOperationException($"address {address:x} is in no memory"),
        };
        if (offset > memory.Length - bytes)
        {
            throw new InvalidOperationException($"an access of {bytes} bytes at {address:x} is outside memory");
        }

        if (access is not null && offset % access.Immediate != 0)
        {
            throw new InvalidOperationException($"{IrPrinter.Describe(access)} at {address:x} is not aligned to {access.Immediate}");
        }

        return memory.AsSpan((int)offset, bytes);
    }

    private static byte[] ToBytes(IrType type, long[] scalars)
    {
        int size = type.Scalar.Bytes;
        var bytes = new byte[(scalars.Length * size) + 8];
        for (int i = 0; i < scalars.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * size), scalars[i]);
        }

        return bytes[..(scalars.Length * size)];
    }

    private static long[] FromBytes(IrType type, ReadOnlySpan<byte> bytes)
    {
        var scalars = new long[type.Width];
        Span<byte> one = stackalloc byte[8];
        for (int i = 0; i < scalars.Length; i++)
        {
            one.Clear();
            bytes.Slice(i * type.Scalar.Bytes, type.Scalar.Bytes).CopyTo(one);
            scalars[i] = Wrap(type.Scalar, BinaryPrimitives.ReadInt64LittleEndian(one));
        }

        return scalars;
    }

    // scalars are held sign-extended, truth values as 0 or 1, floats as their bits
    private static long Wrap(IrType type, Int128 value) => type.Kind switch
    {
        IrKind.I1 => (long)(value & 1),
        IrKind.I8 => (sbyte)(byte)(value & 0xFF),
        IrKind.I16 => (short)(ushort)(value & 0xFFFF),
        IrKind.I32 or IrKind.F32 => (int)(uint)(value & 0xFFFFFFFF),
        _ => (long)(ulong)(value & ulong.MaxValue),
    };

    private static Int128 Unsigned(IrType type, long value) => value & ((Int128.One << type.ScalarBits) - 1);

    private static float Single(long bits) => BitConverter.Int32BitsToSingle((int)bits);

    private static double Double(long bits) => BitConverter.Int64BitsToDouble(bits);

    private static long Bits<T>(T value) => value switch
    {
        float single => BitConverter.SingleToInt32Bits(single),
        double number => BitConverter.DoubleToInt64Bits(number),
        _ => throw new NotSupportedException(typeof(T).Name),
    };

    // parsing is correctly rounded for any number of digits
    private static long FromInteger(IrType type, Int128 value)
    {
        string digits = value.ToString(CultureInfo.InvariantCulture);
        return type == IrType.F32
            ? Bits(float.Parse(digits, CultureInfo.InvariantCulture))
            : Bits(double.Parse(digits, CultureInfo.InvariantCulture));
    }

    private static long ToInteger(IrType type, long bits, Int128 least, Int128 most)
    {
        double value = type == IrType.F32 ? Single(bits) : Double(bits);
        if (double.IsNaN(value))
        {
            return 0;
        }

        value = Math.Clamp(Math.Truncate(value), -1e30, 1e30);
        return (long)(ulong)(Int128.Clamp((Int128)value, least, most) & ulong.MaxValue);
    }

    private static short RoundToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? (short)((bits >> 16) | 0x40)
            : (short)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
