using System.Reflection.Metadata;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Arithmetic, comparisons and conversions of IL. Its integers have no sign, its instructions do; it counts in 32 and 64 bits.</summary>
internal sealed class ArithmeticTranslator(Compilation compilation)
{
    private static readonly Dictionary<ILOpCode, Op> BinaryOps = new()
    {
        [ILOpCode.Add] = Op.Add,
        [ILOpCode.Sub] = Op.Sub,
        [ILOpCode.Mul] = Op.Mul,
        [ILOpCode.Div] = Op.Div,
        [ILOpCode.Div_un] = Op.DivU,
        [ILOpCode.Rem] = Op.Rem,
        [ILOpCode.Rem_un] = Op.RemU,
        [ILOpCode.And] = Op.And,
        [ILOpCode.Or] = Op.Or,
        [ILOpCode.Xor] = Op.Xor,
        [ILOpCode.Shl] = Op.Shl,
        [ILOpCode.Shr] = Op.Shr,
        [ILOpCode.Shr_un] = Op.ShrU,
    };

    // greater is less with the operands exchanged
    private static readonly Dictionary<ILOpCode, (Op Op, bool Exchanged)> Comparisons = new()
    {
        [ILOpCode.Ceq] = (Op.Eq, false),
        [ILOpCode.Cgt] = (Op.Lt, true),
        [ILOpCode.Cgt_un] = (Op.LtU, true),
        [ILOpCode.Clt] = (Op.Lt, false),
        [ILOpCode.Clt_un] = (Op.LtU, false),
        [ILOpCode.Beq] = (Op.Eq, false),
        [ILOpCode.Beq_s] = (Op.Eq, false),
        [ILOpCode.Bne_un] = (Op.Ne, false),
        [ILOpCode.Bne_un_s] = (Op.Ne, false),
        [ILOpCode.Blt] = (Op.Lt, false),
        [ILOpCode.Blt_s] = (Op.Lt, false),
        [ILOpCode.Blt_un] = (Op.LtU, false),
        [ILOpCode.Blt_un_s] = (Op.LtU, false),
        [ILOpCode.Ble] = (Op.Le, false),
        [ILOpCode.Ble_s] = (Op.Le, false),
        [ILOpCode.Ble_un] = (Op.LeU, false),
        [ILOpCode.Ble_un_s] = (Op.LeU, false),
        [ILOpCode.Bgt] = (Op.Lt, true),
        [ILOpCode.Bgt_s] = (Op.Lt, true),
        [ILOpCode.Bgt_un] = (Op.LtU, true),
        [ILOpCode.Bgt_un_s] = (Op.LtU, true),
        [ILOpCode.Bge] = (Op.Le, true),
        [ILOpCode.Bge_s] = (Op.Le, true),
        [ILOpCode.Bge_un] = (Op.LeU, true),
        [ILOpCode.Bge_un_s] = (Op.LeU, true),
    };

    // target, and whether the result is signed
    private static readonly Dictionary<ILOpCode, (IrType Type, bool Signed)> Conversions = new()
    {
        [ILOpCode.Conv_i1] = (IrType.I8, true),
        [ILOpCode.Conv_u1] = (IrType.I8, false),
        [ILOpCode.Conv_i2] = (IrType.I16, true),
        [ILOpCode.Conv_u2] = (IrType.I16, false),
        [ILOpCode.Conv_i4] = (IrType.I32, true),
        [ILOpCode.Conv_u4] = (IrType.I32, false),
        [ILOpCode.Conv_i8] = (IrType.I64, true),
        [ILOpCode.Conv_u8] = (IrType.I64, false),
        [ILOpCode.Conv_i] = (IrType.I64, true),
        [ILOpCode.Conv_u] = (IrType.I64, false),
        [ILOpCode.Conv_r4] = (IrType.F32, true),
        [ILOpCode.Conv_r8] = (IrType.F64, true),
        [ILOpCode.Conv_r_un] = (IrType.F64, false),
    };

    private Emitter Emit => compilation.Emit;

    public static bool IsUnary(ILOpCode code) => code is ILOpCode.Neg or ILOpCode.Not || Conversions.ContainsKey(code);

    public static bool IsBinary(ILOpCode code) =>
        BinaryOps.ContainsKey(code) || code is ILOpCode.Ceq or ILOpCode.Cgt or ILOpCode.Cgt_un or ILOpCode.Clt or ILOpCode.Clt_un;

    public static bool IsComparison(ILOpCode code) => Comparisons.ContainsKey(code);

    public StackValue Unary(ILOpCode code, StackValue operand, ILOpCode next)
    {
        IrValue value = Number(operand);
        if (code is ILOpCode.Neg or ILOpCode.Not)
        {
            return Pushed(Emit.Unary(code == ILOpCode.Neg ? Op.Neg : Op.Not, value));
        }

        (IrType type, bool signed) = Conversions[code];

        // C# writes (float)unsigned as conv.r.un, conv.r4: one conversion, rounded once
        type = code == ILOpCode.Conv_r_un && next == ILOpCode.Conv_r4 ? IrType.F32 : type;
        return Pushed(type.IsFloat ? ToFloat(value, type, signed) : ToInteger(value, type, signed));
    }

    public StackValue Binary(ILOpCode code, StackValue first, StackValue second)
    {
        if (IsComparison(code))
        {
            return Pushed(Emit.FromTruth(Compare(code, first, second)));
        }

        Op op = BinaryOps[code];
        IrValue left = Number(first);
        IrValue right = Number(second);
        if (op is Op.Shl or Op.Shr or Op.ShrU)
        {
            return Pushed(Emit.Binary(op, left, Count(Emit.Resize(right, IrType.I32, signed: true), left.Type.ScalarBits)));
        }

        (left, right) = SameType(left, right);
        return Pushed(Emit.Binary(op, left, right));
    }

    /// <summary>A comparison, of a branch or for its value, as a truth value.</summary>
    public IrValue Compare(ILOpCode code, StackValue first, StackValue second)
    {
        if (first.Scalar is TypeHandle || second.Scalar is TypeHandle)
        {
            throw compilation.Error(JitError.UnsupportedType, nameof(Type));
        }

        (Op op, bool exchanged) = Comparisons[code];
        (IrValue left, IrValue right) = SameType(Number(first), Number(second));
        return exchanged ? Emit.Compare(op, right, left) : Emit.Compare(op, left, right);
    }

    private IrValue ToFloat(IrValue value, IrType type, bool signed) =>
        value.Type == type ? value
        : value.Type.IsFloat ? Emit.Convert(Op.FloatToFloat, type, value)
        : Emit.Convert(signed ? Op.IntToFloat : Op.UnsignedToFloat, type, value);

    private IrValue ToInteger(IrValue value, IrType type, bool signed)
    {
        bool small = type.ScalarBits < 32;
        if (value.Type.IsFloat)
        {
            value = Emit.Convert(signed || small ? Op.FloatToInt : Op.FloatToUnsigned, small ? IrType.I32 : type, value);
        }

        return small ? Emit.Narrow(value, type, signed) : Emit.Resize(value, type, signed);
    }

    // C# masks shift counts itself; operations do so too
    private static IrValue Count(IrValue count, int bits) =>
        count is Instruction { Op: Op.And } mask && Emitter.Known(mask.Operands[1]) == bits - 1 ? mask.Operands[0] : count;

    // native integers meet 32-bit ones
    private (IrValue First, IrValue Second) SameType(IrValue first, IrValue second)
    {
        if (first.Type == second.Type)
        {
            return (first, second);
        }

        return first.Type.IsInteger
            ? (Emit.Resize(first, IrType.I64, signed: true), Emit.Resize(second, IrType.I64, signed: true))
            : (ToFloat(first, IrType.F64, signed: true), ToFloat(second, IrType.F64, signed: true));
    }

    private IrValue Number(StackValue value) =>
        value.Parts is [{ Type: { IsInteger: true } or { IsFloat: true } } number] ? number
        : throw compilation.Error(JitError.PointerArithmetic, $"arithmetic on {value.Type}");

    private static StackValue Pushed(IrValue value) => new(
        value.Type.Kind switch
        {
            IrKind.I32 => typeof(int),
            IrKind.I64 => typeof(long),
            IrKind.F32 => typeof(float),
            _ => typeof(double),
        },
        [value]);
}
