using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>
/// Makes small functions from a seed: arithmetic of every scalar type, branches, loops with constant and with variable bounds, breaks,
/// a lane's own array, loads and stores to one global array. They end, and stay within <see cref="Bytes"/> bytes of memory.
/// </summary>
internal sealed class RandomFunctions
{
    public const int Bytes = 512;
    private const int LocalBytes = 32;
    private static readonly IrType[] Types = [IrType.I32, IrType.I64, IrType.F32, IrType.I8, IrType.I16, IrType.F64];
    private static readonly Op[] IntegerOps =
    [
        Op.Add, Op.Sub, Op.Mul, Op.And, Op.Or, Op.Xor, Op.Min, Op.MinU, Op.Max, Op.MaxU, Op.Shl, Op.Shr, Op.ShrU, Op.Div, Op.DivU, Op.Rem, Op.RemU,
    ];

    private static readonly Op[] FloatOps = [Op.Add, Op.Sub, Op.Mul, Op.Div, Op.Min, Op.Max];
    private static readonly Op[] Comparisons = [Op.Eq, Op.Ne, Op.Lt, Op.Le, Op.LtU, Op.LeU];
    private static readonly long[] Edges = [0, 1, -1, 2, 4, 8, 31, 32, 63, int.MaxValue, int.MinValue, 127, -128, 3, 5];
    private readonly Random _random;
    private readonly IrFunction _function = new("Random");
    private readonly List<IrValue> _known = [];
    private IrBlock _block = new();
    private Instruction _data = null!;
    private Instruction _local = null!;
    private Instruction? _runStart;
    private int _budget = 60;

    private RandomFunctions(int seed) => _random = new Random(seed);

    /// <summary>A function of a pointer to memory and an i32.</summary>
    public static IrFunction Make(int seed) => new RandomFunctions(seed).Build();

    private IrFunction Build()
    {
        _function.Parameters.Add(new("data", IrType.Pointer(AddressSpace.Global), 0));
        _function.Parameters.Add(new("n", IrType.I32, 1));
        _function.Blocks.Add(_block);
        _data = Emit(Op.Parameter, IrType.Pointer(AddressSpace.Global));
        Instruction n = Emit(Op.Parameter, IrType.I32);
        n.Immediate = 1;
        _known.Add(n);
        _local = Emit(Op.AllocateLocal, IrType.Pointer(AddressSpace.Local));
        _local.Immediate = LocalBytes;
        for (int i = 0; i < LocalBytes; i += 4)
        {
            Emit(Op.Store, IrType.Void, 4, Pointer(_local, Constant(IrType.I64, i)), Constant(IrType.I32, i));
        }

        Statements(depth: 0);

        // what was computed counts, whether a store used it or not
        foreach (IrValue value in _known.TakeLast(8).ToArray())
        {
            StoreValue(value);
        }

        _block.Terminator = new Return();
        return _function;
    }

    private void Statements(int depth)
    {
        int count = _random.Next(2, 9);
        for (int i = 0; i < count && _budget-- > 0; i++)
        {
            switch (_random.Next(depth < 3 ? 12 : 9))
            {
                case < 4:
                    _known.Add(Arithmetic());
                    break;
                case 4:
                    StoreValue(Any());
                    break;
                case 5:
                    StoreRun();
                    break;
                case 6 when _random.Next(2) == 0:
                    MixedRun();
                    break;
                case 6:
                    LoadRun();
                    break;
                case 7:
                    Emit(Op.Store, IrType.Void, 4, Pointer(_local, LocalIndex()), Of(IrType.I32));
                    break;
                case 8:
                    _known.Add(Emit(Op.Load, IrType.I32, 4, Pointer(_local, LocalIndex())));
                    break;
                case 9:
                    If(depth);
                    break;
                default:
                    CountedLoop(depth);
                    break;
            }
        }
    }

    private Instruction Arithmetic()
    {
        IrType type = Types[_random.Next(Types.Length)];
        if (_random.Next(6) == 0)
        {
            return Emit(Op.Select, type, Condition(), Of(type), Of(type));
        }

        if (type.IsFloat)
        {
            return _random.Next(8) == 0 ? Emit(Op.Fma, type, Of(type), Of(type), Of(type)) : Emit(FloatOps[_random.Next(FloatOps.Length)], type, Of(type), Of(type));
        }

        Op op = IntegerOps[_random.Next(IntegerOps.Length)];
        if (op is Op.Shl or Op.Shr or Op.ShrU)
        {
            return Emit(op, type, Of(type), Of(IrType.I32));
        }

        IrValue second = Of(type);
        if (op is Op.Div or Op.DivU or Op.Rem or Op.RemU)
        {
            // never zero nor -1: mostly a constant, as in kernels
            second = _random.Next(3) > 0
                ? Constant(type, 1L << _random.Next(type.ScalarBits - 1))
                : Emit(Op.Or, type, Emit(Op.And, type, second, Constant(type, 0x3E)), Constant(type, 1));
        }

        return Emit(op, type, Of(type), second);
    }

    private void If(int depth)
    {
        IrType type = Types[_random.Next(Types.Length)];
        IrBlock ifTrue = New();
        IrBlock ifFalse = New();
        IrBlock join = New();
        var merged = new BlockParameter(join, type);
        join.Parameters.Add(merged);
        _block.Terminator = new Branch(Condition(), new Jump(ifTrue), new Jump(ifFalse));
        foreach (IrBlock side in new[] { ifTrue, ifFalse })
        {
            Begin(side);
            int known = _known.Count;
            if (_random.Next(3) > 0)
            {
                Statements(depth + 1);
            }

            IrValue passed = Of(type);
            _block.Terminator = new Goto(new Jump(join, passed));
            _known.RemoveRange(known, _known.Count - known);
        }

        Begin(join);
        _known.Add(merged);
    }

    private void CountedLoop(int depth)
    {
        bool constant = _random.Next(3) > 0;
        IrValue bound = constant ? Constant(IrType.I32, _random.Next(7)) : Emit(Op.And, IrType.I32, Of(IrType.I32), Constant(IrType.I32, 15));
        IrValue step = constant || _random.Next(2) == 0
            ? Constant(IrType.I32, _random.Next(1, 4))
            : Emit(Op.Add, IrType.I32, Emit(Op.And, IrType.I32, Of(IrType.I32), Constant(IrType.I32, 3)), Constant(IrType.I32, 1));
        IrType type = Types[_random.Next(Types.Length)];
        IrBlock head = New();
        IrBlock body = New();
        IrBlock exit = New();
        var counter = new BlockParameter(head, IrType.I32);
        var carried = new BlockParameter(head, type);
        head.Parameters.AddRange([counter, carried]);
        IrValue start = Of(type);
        _block.Terminator = new Goto(new Jump(head, Constant(IrType.I32, 0), start));

        Begin(head);
        _block.Terminator = new Branch(Emit(Op.Lt, IrType.I1, counter, bound), new Jump(body), new Jump(exit));
        Begin(body);
        int known = _known.Count;
        _known.AddRange([counter, carried]);
        Statements(depth + 1);
        if (_random.Next(4) == 0)
        {
            IrBlock rest = New();
            _block.Terminator = new Branch(Condition(), new Jump(exit), new Jump(rest));
            Begin(rest);
            Statements(depth + 1);
        }

        Instruction next = Emit(Op.Add, IrType.I32, counter, step);
        IrValue passed = Of(type);
        _block.Terminator = new Goto(new Jump(head, next, passed));
        _known.RemoveRange(known, _known.Count - known);
        Begin(exit);
        _known.AddRange([counter, carried]);
    }

    // neighbours, as widening looks for them: one address that may be aligned, and constants from there
    private void LoadRun()
    {
        IrType type = Types[_random.Next(Types.Length)];
        Instruction start = RunStart();
        for (int i = 0; i < 4; i++)
        {
            _known.Add(Emit(Op.Load, type, type.Bytes, Pointer(start, Constant(IrType.I64, _random.Next(5) * type.Bytes))));
        }
    }

    // loads that may not move over the stores between them
    private void MixedRun()
    {
        IrType type = Types[_random.Next(Types.Length)];
        Instruction start = RunStart();
        for (int i = 0; i < 8; i++)
        {
            Instruction pointer = Pointer(start, Constant(IrType.I64, _random.Next(4) * type.Bytes));
            if (_random.Next(3) == 0)
            {
                Emit(Op.Store, IrType.Void, type.Bytes, pointer, Of(type));
            }
            else
            {
                _known.Add(Emit(Op.Load, type, type.Bytes, pointer));
            }
        }
    }

    private void StoreRun()
    {
        IrType type = Types[_random.Next(Types.Length)];
        Instruction start = RunStart();
        int first = _random.Next(3);
        for (int i = 0; i < 4; i++)
        {
            Emit(Op.Store, IrType.Void, type.Bytes, Pointer(start, Constant(IrType.I64, (first + (i ^ 1)) * type.Bytes)), Of(type));
        }
    }

    private Instruction RunStart()
    {
        // often where the block's last run was, so that loads and stores meet
        if (_runStart is { } last && _block.Instructions.Contains(last) && _random.Next(3) > 0)
        {
            return last;
        }

        Instruction masked = Emit(Op.And, IrType.I32, Of(IrType.I32), Constant(IrType.I32, 15));
        Instruction sum = Emit(Op.Add, IrType.I32, masked, Constant(IrType.I32, _random.Next(4)));
        Instruction wide = Emit(Op.SignExtend, IrType.I64, sum);
        return _runStart = Pointer(_data, Emit(Op.Mul, IrType.I64, wide, Constant(IrType.I64, _random.Next(2) == 0 ? 16 : 8)));
    }

    private void StoreValue(IrValue value)
    {
        Instruction index = Emit(Op.And, IrType.I32, Of(IrType.I32), Constant(IrType.I32, 63));
        Instruction offset = Emit(Op.Shl, IrType.I64, Emit(Op.SignExtend, IrType.I64, index), Constant(IrType.I32, 3));
        Emit(Op.Store, IrType.Void, value.Type.Bytes, Pointer(_data, offset), value);
    }

    private Instruction LocalIndex() => _random.Next(12) > 0
        ? Constant(IrType.I64, 4 * _random.Next(LocalBytes / 4))
        : Emit(Op.Mul, IrType.I64, Emit(Op.SignExtend, IrType.I64, Emit(Op.And, IrType.I32, Of(IrType.I32), Constant(IrType.I32, 7))), Constant(IrType.I64, 4));

    private Instruction Condition()
    {
        IrType type = Types[_random.Next(Types.Length)];
        Instruction test = Emit(Comparisons[_random.Next(Comparisons.Length)], IrType.I1, Of(type), Of(type));
        return _random.Next(5) switch
        {
            0 => Emit(Op.Not, IrType.I1, test),
            1 => Emit(Op.Eq, IrType.I1, Emit(Op.ZeroExtend, IrType.I32, test), Constant(IrType.I32, 0)),
            _ => test,
        };
    }

    private IrValue Any() => _known[_random.Next(_known.Count)];

    // a value of a type: one that is known, a conversion of one, or a constant
    private IrValue Of(IrType type)
    {
        if (_random.Next(3) == 0)
        {
            return Constant(type, type.IsFloat ? FloatBits(type) : Edges[_random.Next(Edges.Length)]);
        }

        IrValue[] fitting = [.. _known.Where(value => value.Type == type)];
        if (fitting.Length > 0 && _random.Next(4) > 0)
        {
            return fitting[_random.Next(fitting.Length)];
        }

        IrValue from = Any();
        bool signed = _random.Next(2) == 0;
        return (from.Type, type) switch
        {
            var (a, b) when a == b => from,
            ({ IsFloat: true }, { IsFloat: true }) => Emit(Op.FloatToFloat, type, from),
            ({ IsFloat: true }, _) => Emit(signed ? Op.FloatToInt : Op.FloatToUnsigned, type, from),
            (_, { IsFloat: true }) => Emit(signed ? Op.IntToFloat : Op.UnsignedToFloat, type, from),
            var (a, b) when a.ScalarBits > b.ScalarBits => Emit(Op.Truncation, type, from),
            _ => Emit(signed ? Op.SignExtend : Op.ZeroExtend, type, from),
        };
    }

    private long FloatBits(IrType type)
    {
        double value = _random.Next(6) switch { 0 => 0, 1 => 1, 2 => -0.0, 3 => 0.5, 4 => 1e20, _ => _random.NextDouble() - 0.5 };
        return type == IrType.F32 ? BitConverter.SingleToInt32Bits((float)value) : BitConverter.DoubleToInt64Bits(value);
    }

    private Instruction Constant(IrType type, long value) => Emit(Op.Constant, type, value);

    private Instruction Pointer(IrValue from, IrValue offset) => Emit(Op.Offset, from.Type, from, offset);

    private Instruction Emit(Op op, IrType type, params IrValue[] operands) => Emit(op, type, 0, operands);

    private Instruction Emit(Op op, IrType type, long immediate, params IrValue[] operands)
    {
        var instruction = new Instruction(op, type, operands, immediate, default);
        _block.Instructions.Add(instruction);
        return instruction;
    }

    private static IrBlock New() => new();

    private void Begin(IrBlock block)
    {
        _function.Blocks.Add(block);
        _block = block;
    }
}
