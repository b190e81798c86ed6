using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// Appends instructions to the current block, with types by the rules of C# and what is constant computed at once. Constants,
/// parameters and built-ins stand once, at the start of the function, so that equal ones are one value.
/// </summary>
internal sealed class Emitter
{
    private readonly Dictionary<(Op, IrType, long), Instruction> _shared = [];
    private readonly List<Instruction> _prologue = [];

    /// <summary>Where instructions go.</summary>
    public SsaBlock Block { get; set; } = new();

    /// <summary>The C# line they come from.</summary>
    public SourcePoint Source { get; set; }

    /// <summary>The integer that a value is, if that is known.</summary>
    public static long? Known(IrValue value) =>
        value is Instruction { Op: Op.Constant, Type: { IsInteger: true } or { Kind: IrKind.I1 } } constant ? constant.Immediate : null;

    /// <summary>Puts the values that stand once at the start of the function.</summary>
    public void Finish(IrBlock entry) => entry.Instructions.InsertRange(0, _prologue);

    public Instruction Emit(Op op, IrType type, long immediate, params IrValue[] operands)
    {
        var instruction = new Instruction(op, type, operands, immediate, Source);
        Block.Block.Instructions.Add(instruction);
        return instruction;
    }

    /// <summary>A load that is a stream's.</summary>
    public Instruction StreamedLoad(IrType type, IrValue address)
    {
        var instruction = new Instruction(Op.Load, type, [address], type.Bytes, Source) { IsStreamed = true };
        Block.Block.Instructions.Add(instruction);
        return instruction;
    }

    public IrValue Constant(IrType type, long bits) => Shared(Op.Constant, type, type.IsInteger ? ConstantFolder.Wrap(type, bits) : bits);

    public IrValue Int(int value) => Constant(IrType.I32, value);

    public IrValue Long(long value) => Constant(IrType.I64, value);

    public IrValue Single(float value) => Constant(IrType.F32, BitConverter.SingleToInt32Bits(value));

    public IrValue Undefined(IrType type) => Shared(Op.Undefined, type, 0);

    public IrValue Parameter(int index, IrType type) => Shared(Op.Parameter, type, index);

    public IrValue BuiltIn(BuiltIn which) => Shared(Op.BuiltIn, IrType.I32, (long)which);

    /// <summary>The zero of a type; for a pointer, one that must not be used.</summary>
    public IrValue Zero(IrType type) => type.IsPointer ? Undefined(type) : Constant(type, 0);

    /// <summary>An operation on two values of one type; of a shift the second is an i32.</summary>
    public IrValue Binary(Op op, IrValue first, IrValue second)
    {
        IrType type = op is Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU ? IrType.I1 : first.Type;
        if (Known(second) is { } right)
        {
            if (Known(first) is { } left && ConstantFolder.Binary(op, first.Type, left, right) is { } folded)
            {
                return Constant(type, folded);
            }

            if (ConstantFolder.IsNeutral(op, right))
            {
                return first;
            }
        }
        else if (Known(first) is { } left && op is Op.Add or Op.Mul or Op.And or Op.Or && ConstantFolder.IsNeutral(op, left))
        {
            return second;
        }

        return Emit(op, type, 0, first, second);
    }

    /// <summary>An operation on one value that keeps its type.</summary>
    public IrValue Unary(Op op, IrValue value) => Convert(op, value.Type, value);

    /// <summary>An operation on one value.</summary>
    public IrValue Convert(Op op, IrType type, IrValue value) =>
        Known(value) is { } known && ConstantFolder.Unary(op, value.Type, type, known) is { } folded
            ? Constant(type, folded)
            : Emit(op, type, 0, value);

    /// <summary>An integer as another integer type.</summary>
    public IrValue Resize(IrValue value, IrType type, bool signed)
    {
        int from = value.Type.ScalarBits;
        if (from == type.ScalarBits)
        {
            return value;
        }

        if (from < type.ScalarBits)
        {
            return Convert(signed ? Op.SignExtend : Op.ZeroExtend, type, value);
        }

        // back to what it was extended from
        return value is Instruction { Op: Op.SignExtend or Op.ZeroExtend } wide && wide.Operands[0].Type == type
            ? wide.Operands[0]
            : Convert(Op.Truncation, type, value);
    }

    /// <summary>An integer on the evaluation stack cut to a smaller type and widened again.</summary>
    public IrValue Narrow(IrValue value, IrType type, bool signed)
    {
        bool fits = value is Instruction { Op: Op.SignExtend or Op.ZeroExtend, Type.Kind: IrKind.I32 } wide
            && (wide.Operands[0].Type.ScalarBits < type.ScalarBits
                ? wide.Op == Op.ZeroExtend
                : wide.Operands[0].Type == type && wide.Op == (signed ? Op.SignExtend : Op.ZeroExtend));
        return fits ? value : Resize(Resize(value, type, signed), IrType.I32, signed);
    }

    /// <summary>A comparison's result as the i32 that it is on the evaluation stack.</summary>
    public IrValue FromTruth(IrValue truth) => Convert(Op.ZeroExtend, IrType.I32, truth);

    /// <summary>Whether an integer is not zero.</summary>
    public IrValue ToTruth(IrValue value) =>
        value is Instruction { Op: Op.ZeroExtend } wide && wide.Operands[0].Type == IrType.I1
            ? wide.Operands[0]
            : Binary(Op.Ne, value, Constant(value.Type, 0));

    /// <summary>A comparison; that of a truth value with 0 is its negation.</summary>
    public IrValue Compare(Op op, IrValue first, IrValue second)
    {
        if (op is Op.Eq or Op.Ne && Known(second) == 0 && first is Instruction { Op: Op.ZeroExtend } wide
            && wide.Operands[0].Type == IrType.I1)
        {
            return op == Op.Ne ? wide.Operands[0] : Negate(wide.Operands[0]);
        }

        // x > 0 of a truth value, as C# writes x != 0
        if (op == Op.LtU && Known(first) == 0)
        {
            return ToTruth(second);
        }

        return Binary(op, first, second);
    }

    // the opposite comparison; not of floats in an order, where neither holds for NaN
    private IrValue Negate(IrValue truth)
    {
        if (truth is Instruction { Operands: [var first, var second] } comparison
            && (comparison.Op is Op.Eq or Op.Ne || (comparison.Op is Op.Lt or Op.Le or Op.LtU or Op.LeU && first.Type.IsInteger)))
        {
            return comparison.Op switch
            {
                Op.Eq => Binary(Op.Ne, first, second),
                Op.Ne => Binary(Op.Eq, first, second),
                Op.Lt => Binary(Op.Le, second, first),
                Op.Le => Binary(Op.Lt, second, first),
                Op.LtU => Binary(Op.LeU, second, first),
                _ => Binary(Op.LtU, second, first),
            };
        }

        return Unary(Op.Not, truth);
    }

    public IrValue Offset(IrValue pointer, IrValue bytes) =>
        Known(bytes) == 0 ? pointer : Emit(Op.Offset, pointer.Type, 0, pointer, bytes);

    private Instruction Shared(Op op, IrType type, long immediate)
    {
        if (!_shared.TryGetValue((op, type, immediate), out Instruction? instruction))
        {
            instruction = new(op, type, [], immediate, op == Op.Undefined ? default : Source);
            _shared.Add((op, type, immediate), instruction);
            _prologue.Add(instruction);
        }

        return instruction;
    }
}
