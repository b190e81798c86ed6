using System.Reflection;
using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// IL of an operation on one lane: takes the operands from the evaluation stack, leaves the result there. i1, i8 and i16 are
/// int32 on the stack, i8 and i16 sign-extended; pointers are int64.
/// </summary>
internal static class ScalarOps
{
    /// <summary>The .NET type that holds a scalar.</summary>
    public static Type TypeOf(IrType type) => type.Kind switch
    {
        IrKind.F32 => typeof(float),
        IrKind.F64 => typeof(double),
        IrKind.I64 or IrKind.Pointer => typeof(long),
        _ => typeof(int),
    };

    public static void Constant(ILGenerator il, IrType type, long immediate)
    {
        switch (type.Kind)
        {
            case IrKind.F32:
                il.Emit(OpCodes.Ldc_R4, BitConverter.Int32BitsToSingle((int)immediate));
                break;
            case IrKind.F64:
                il.Emit(OpCodes.Ldc_R8, BitConverter.Int64BitsToDouble(immediate));
                break;
            case IrKind.I64 or IrKind.Pointer:
                il.Emit(OpCodes.Ldc_I8, immediate);
                break;
            case IrKind.I1:
                il.Emit(OpCodes.Ldc_I4, (int)(immediate & 1));
                break;
            case IrKind.I8:
                il.Emit(OpCodes.Ldc_I4, (int)(sbyte)immediate);
                break;
            case IrKind.I16:
                il.Emit(OpCodes.Ldc_I4, (int)(short)immediate);
                break;
            default:
                il.Emit(OpCodes.Ldc_I4, (int)immediate);
                break;
        }
    }

    /// <summary>Makes a small integer what it is held as: sign-extended.</summary>
    public static void Normalize(ILGenerator il, IrType type)
    {
        switch (type.Kind)
        {
            case IrKind.I8:
                il.Emit(OpCodes.Conv_I1);
                break;
            case IrKind.I16:
                il.Emit(OpCodes.Conv_I2);
                break;
        }
    }

    /// <summary>Reads a scalar at the address on the stack.</summary>
    public static void Load(ILGenerator il, IrType type, long alignment = 1)
    {
        il.Emit(OpCodes.Conv_U);
        if (alignment < type.Scalar.Bytes)
        {
            il.Emit(OpCodes.Unaligned, (byte)1);
        }

        il.Emit(type.Kind switch
        {
            IrKind.I1 => OpCodes.Ldind_U1,
            IrKind.I8 => OpCodes.Ldind_I1,
            IrKind.I16 => OpCodes.Ldind_I2,
            IrKind.I32 => OpCodes.Ldind_I4,
            IrKind.F32 => OpCodes.Ldind_R4,
            IrKind.F64 => OpCodes.Ldind_R8,
            _ => OpCodes.Ldind_I8,
        });
        if (type.Kind == IrKind.I1)
        {
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Cgt_Un);
        }
    }

    /// <summary>Writes the scalar on the stack to the address (a native integer) below it.</summary>
    public static void Store(ILGenerator il, IrType type, long alignment = 1)
    {
        if (alignment < type.Scalar.Bytes)
        {
            il.Emit(OpCodes.Unaligned, (byte)1);
        }

        il.Emit(type.Kind switch
        {
            IrKind.I1 or IrKind.I8 => OpCodes.Stind_I1,
            IrKind.I16 => OpCodes.Stind_I2,
            IrKind.I32 => OpCodes.Stind_I4,
            IrKind.F32 => OpCodes.Stind_R4,
            IrKind.F64 => OpCodes.Stind_R8,
            _ => OpCodes.Stind_I8,
        });
    }

    /// <summary>The operation; every operand is pushed by <paramref name="push"/> in the form that the operation needs.</summary>
    public static void Emit(ILGenerator il, Instruction instruction, Action<int> push)
    {
        IrType type = instruction.Type;
        IrType operand = instruction.Operands.Length > 0 ? instruction.Operands[0].Type : type;
        void PushUnsigned(int index)
        {
            push(index);
            ZeroExtendSmall(il, operand);
        }

        switch (instruction.Op)
        {
            case Op.Add or Op.Sub or Op.And or Op.Or or Op.Xor or Op.Offset:
            case Op.Mul:
            case Op.Div when type.IsFloat:
                push(0);
                push(1);
                il.Emit(Binary(instruction.Op));
                break;
            case Op.Min or Op.Max when type == IrType.I32 || type == IrType.I64:
                Choose(il, instruction.Op == Op.Min ? OpCodes.Ble : OpCodes.Bge, push);
                break;
            case Op.Div or Op.Rem or Op.Min or Op.Max or Op.Pow:
                push(0);
                push(1);
                Call(il, instruction.Op.ToString(), TypeOf(type), TypeOf(type));
                break;
            case Op.DivU or Op.RemU or Op.MinU or Op.MaxU:
                PushUnsigned(0);
                PushUnsigned(1);
                Call(il, instruction.Op.ToString(), TypeOf(type), TypeOf(type));
                break;
            case Op.Shl or Op.Shr or Op.ShrU:
                Shift(il, instruction.Op, type, push);
                break;
            case Op.Neg:
                push(0);
                il.Emit(OpCodes.Neg);
                break;
            case Op.Not:
                push(0);
                Not(il, type);
                break;
            case Op.Fma:
                push(0);
                push(1);
                push(2);
                Call(il, nameof(Op.Fma), TypeOf(type), TypeOf(type), TypeOf(type));
                break;
            case Op.Eq or Op.Ne or Op.Lt or Op.Le:
                push(0);
                push(1);
                Compare(il, instruction.Op, operand);
                break;
            case Op.LtU or Op.LeU:
                PushUnsigned(0);
                PushUnsigned(1);
                CompareUnsigned(il, instruction.Op, operand);
                break;
            case Op.Select:
                Select(il, push);
                break;
            case Op.Truncation or Op.SignExtend or Op.ZeroExtend or Op.IntToFloat or Op.UnsignedToFloat or Op.FloatToInt
                or Op.FloatToUnsigned or Op.FloatToFloat or Op.Bitcast:
                Convert(il, instruction.Op, operand, type, push);
                break;
            default:
                push(0);
                Call(il, instruction.Op.ToString(), TypeOf(operand));
                break;
        }

        Normalize(il, type);
    }

    /// <summary>Calls a function of <see cref="ScalarFunctions"/>.</summary>
    public static void Call(ILGenerator il, string name, params Type[] parameters) =>
        il.Emit(OpCodes.Call, typeof(ScalarFunctions).GetMethod(name, BindingFlags.Static | BindingFlags.Public, parameters)
            ?? throw new MissingMethodException(nameof(ScalarFunctions), $"{name}({string.Join(", ", parameters.Select(type => type.Name))})"));

    private static OpCode Binary(Op op) => op switch
    {
        Op.Add or Op.Offset => OpCodes.Add,
        Op.Sub => OpCodes.Sub,
        Op.Mul => OpCodes.Mul,
        Op.And => OpCodes.And,
        Op.Or => OpCodes.Or,
        Op.Xor => OpCodes.Xor,
        _ => OpCodes.Div,
    };

    private static void ZeroExtendSmall(ILGenerator il, IrType type)
    {
        switch (type.Kind)
        {
            case IrKind.I8:
                il.Emit(OpCodes.Conv_U1);
                break;
            case IrKind.I16:
                il.Emit(OpCodes.Conv_U2);
                break;
        }
    }

    // the first operand if the comparison with the second holds, else the second
    private static void Choose(ILGenerator il, OpCode branch, Action<int> push)
    {
        Label first = il.DefineLabel();
        Label done = il.DefineLabel();
        push(0);
        push(1);
        il.Emit(branch, first);
        push(1);
        il.Emit(OpCodes.Br, done);
        il.MarkLabel(first);
        push(0);
        il.MarkLabel(done);
    }

    private static void Shift(ILGenerator il, Op op, IrType type, Action<int> push)
    {
        push(0);
        if (op == Op.ShrU)
        {
            ZeroExtendSmall(il, type);
        }

        push(1);
        il.Emit(OpCodes.Ldc_I4, type.ScalarBits - 1);
        il.Emit(OpCodes.And);
        il.Emit(op switch { Op.Shl => OpCodes.Shl, Op.Shr => OpCodes.Shr, _ => OpCodes.Shr_Un });
    }

    private static void Not(ILGenerator il, IrType type)
    {
        if (type == IrType.I1)
        {
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Xor);
        }
        else
        {
            il.Emit(OpCodes.Not);
        }
    }

    private static void Compare(ILGenerator il, Op op, IrType type)
    {
        switch (op)
        {
            case Op.Eq:
                il.Emit(OpCodes.Ceq);
                break;
            case Op.Ne:
                il.Emit(OpCodes.Ceq);
                Not(il, IrType.I1);
                break;
            case Op.Lt:
                il.Emit(type.IsPointer ? OpCodes.Clt_Un : OpCodes.Clt);
                break;
            default:
                // not greater; a NaN makes the unordered comparison true, so the result false
                il.Emit(type.IsFloat || type.IsPointer ? OpCodes.Cgt_Un : OpCodes.Cgt);
                Not(il, IrType.I1);
                break;
        }
    }

    private static void CompareUnsigned(ILGenerator il, Op op, IrType type)
    {
        if (op == Op.LtU)
        {
            il.Emit(OpCodes.Clt_Un);
        }
        else
        {
            il.Emit(type.IsFloat ? OpCodes.Cgt : OpCodes.Cgt_Un);
            Not(il, IrType.I1);
        }
    }

    private static void Select(ILGenerator il, Action<int> push)
    {
        Label otherwise = il.DefineLabel();
        Label end = il.DefineLabel();
        push(0);
        il.Emit(OpCodes.Brfalse, otherwise);
        push(1);
        il.Emit(OpCodes.Br, end);
        il.MarkLabel(otherwise);
        push(2);
        il.MarkLabel(end);
    }

    private static void Convert(ILGenerator il, Op op, IrType from, IrType to, Action<int> push)
    {
        push(0);
        switch (op)
        {
            case Op.Truncation when to == IrType.I1:
                il.Emit(OpCodes.Conv_I4);
                il.Emit(OpCodes.Ldc_I4_1);
                il.Emit(OpCodes.And);
                break;
            case Op.Truncation:
                il.Emit(OpCodes.Conv_I4);
                break;
            case Op.SignExtend when to == IrType.I64:
                il.Emit(OpCodes.Conv_I8);
                break;
            case Op.ZeroExtend:
                ZeroExtendSmall(il, from);
                if (to == IrType.I64)
                {
                    il.Emit(OpCodes.Conv_U8);
                }

                break;
            case Op.IntToFloat or Op.FloatToFloat:
                il.Emit(to == IrType.F32 ? OpCodes.Conv_R4 : OpCodes.Conv_R8);
                break;
            case Op.UnsignedToFloat:
                ZeroExtendSmall(il, from);
                Call(il, to == IrType.F32 ? nameof(ScalarFunctions.UnsignedToF32) : nameof(ScalarFunctions.UnsignedToF64), TypeOf(from));
                break;
            case Op.FloatToInt:
                Call(il, $"FloatTo{to.Kind}", TypeOf(from));
                break;
            case Op.FloatToUnsigned:
                Call(il, $"FloatToU{to.ScalarBits}", TypeOf(from));
                break;
            case Op.Bitcast when TypeOf(from) != TypeOf(to):
                il.Emit(OpCodes.Call, typeof(BitConverter).GetMethod((from.Kind, to.Kind) switch
                {
                    (IrKind.F32, _) => nameof(BitConverter.SingleToInt32Bits),
                    (IrKind.F64, _) => nameof(BitConverter.DoubleToInt64Bits),
                    (_, IrKind.F32) => nameof(BitConverter.Int32BitsToSingle),
                    _ => nameof(BitConverter.Int64BitsToDouble),
                }, [TypeOf(from)])!);
                break;
        }
    }
}
