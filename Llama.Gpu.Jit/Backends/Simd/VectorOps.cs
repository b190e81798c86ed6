using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Operations as vector instructions. i1 is a mask of all-ones and zero int32 elements; i8 and i16 are int32 elements of which
/// only the lower bits count, so they are extended where the upper bits would be seen.
/// </summary>
internal static class VectorOps
{
    /// <summary>Emits the operation and stores its result; false if it has no vector form at these types.</summary>
    public static bool TryEmit(LaneCode code, Instruction instruction)
    {
        switch (instruction.Op)
        {
            case Op.BuildVector:
                BuildVector(code, instruction);
                return true;
            case Op.Extract:
                Extract(code, instruction);
                return true;
            case Op.Select:
                Select(code, instruction);
                return true;
            case Op.Truncation or Op.SignExtend or Op.ZeroExtend or Op.IntToFloat or Op.UnsignedToFloat or Op.FloatToInt
                or Op.FloatToUnsigned or Op.FloatToFloat or Op.Bitcast or Op.BFloat16ToFloat or Op.FloatToBFloat16
                or Op.HalfToFloat or Op.FloatToHalf:
                return VectorConversions.TryEmit(code, instruction);
        }

        if (instruction.Type.Width > 1 || Form(code, instruction) is not { } emit)
        {
            return false;
        }

        for (int part = 0; part < LaneCode.Parts(instruction.Operands[0].Type); part++)
        {
            emit(code, part);
            if (IsComparison(instruction.Op) && LaneCode.Parts(instruction.Operands[0].Type) == 2)
            {
                continue;
            }

            code.StoreVector(instruction, part);
        }

        if (IsComparison(instruction.Op) && LaneCode.Parts(instruction.Operands[0].Type) == 2)
        {
            code.Call("Narrow", code.Isa.Vector(typeof(long)), code.Isa.Vector(typeof(long)));
            code.StoreVector(instruction, 0);
        }

        return true;
    }

    /// <summary>Pushes a small integer with its sign in all upper bits.</summary>
    public static void PushSigned(LaneCode code, IrValue value, int index)
    {
        code.PushVector(value, index);
        int unused = Unused(value.Type);
        if (unused > 0)
        {
            Shift(code, "ShiftLeft", unused);
            Shift(code, "ShiftRightArithmetic", unused);
        }
    }

    /// <summary>Pushes a small integer with zeros in all upper bits.</summary>
    public static void PushUnsigned(LaneCode code, IrValue value, int index)
    {
        code.PushVector(value, index);
        if (Unused(value.Type) > 0)
        {
            code.Il.Emit(OpCodes.Ldc_I4, value.Type.Kind == IrKind.I8 ? 0xFF : 0xFFFF);
            code.Call("Create", typeof(int));
            code.Call("BitwiseAnd", code.Isa.Vector(typeof(int)), code.Isa.Vector(typeof(int)));
        }
    }

    /// <summary>Shifts the int32 vector on the stack by a constant.</summary>
    public static void Shift(LaneCode code, string shift, int count) => Shift(code, shift, code.Isa.Vector(typeof(int)), count);

    private static void Shift(LaneCode code, string shift, Type vector, int count)
    {
        code.Il.Emit(OpCodes.Ldc_I4, count);
        if (code.Isa.ConstantShift(shift, vector) is { } instruction)
        {
            code.Il.Emit(OpCodes.Call, instruction);
        }
        else
        {
            code.Call(shift, vector, typeof(int));
        }
    }

    private static int Unused(IrType type) => type.Kind switch { IrKind.I8 => 24, IrKind.I16 => 16, _ => 0 };

    private static bool IsComparison(Op op) => op is Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU;

    private static Action<LaneCode, int>? Form(LaneCode code, Instruction instruction)
    {
        IrType type = instruction.Operands.Length > 0 ? instruction.Operands[0].Type : instruction.Type;
        bool isFloat = type.IsFloat;
        switch (instruction.Op)
        {
            case Op.Add or Op.Offset:
                return Binary(instruction, "Add");
            case Op.Sub:
                return Binary(instruction, "Subtract");
            case Op.Mul:
                return Binary(instruction, "Multiply");
            case Op.Div when isFloat:
                return Binary(instruction, "Divide");
            case Op.And:
                return Binary(instruction, "BitwiseAnd");
            case Op.Or:
                return Binary(instruction, "BitwiseOr");
            case Op.Xor:
                return Binary(instruction, "Xor");
            case Op.Min or Op.Max:
                return Binary(instruction, instruction.Op.ToString(), PushSigned);
            case Op.MinU or Op.MaxU:
                return Binary(instruction, instruction.Op == Op.MinU ? "Min" : "Max", PushUnsigned, unsigned: true);
            case Op.Shl or Op.Shr or Op.ShrU when code.Shapes[instruction.Operands[1]].IsUniform:
                return UniformShift(instruction);
            case Op.Neg:
                return Unary(instruction, "Negate");
            case Op.Not:
                return Invert(instruction);
            case Op.Abs when isFloat:
                return Unary(instruction, "Abs");
            case Op.Sqrt or Op.Exp or Op.Log or Op.Log2 or Op.Sin or Op.Cos or Op.Floor or Op.Ceiling or Op.Truncate:
                return Unary(instruction, instruction.Op.ToString());
            case Op.RoundEven:
                return Unary(instruction, "Round");
            case Op.Rsqrt:
                return Reciprocal(instruction);
            case Op.Fma:
                return Fma(instruction);
            case Op.Eq or Op.Ne:
                return Compare(instruction, "Equals", PushSigned, negate: instruction.Op == Op.Ne);
            case Op.Lt when !type.IsPointer:
                return Compare(instruction, "LessThan", PushSigned);
            case Op.Le when !type.IsPointer:
                return Compare(instruction, "LessThanOrEqual", PushSigned);
            case Op.LtU or Op.LeU when isFloat:
                // less or unordered: not greater or equal
                return Compare(instruction, instruction.Op == Op.LtU ? "GreaterThanOrEqual" : "GreaterThan", PushSigned, negate: true);
            case Op.Lt or Op.LtU:
                return Compare(instruction, "LessThan", PushUnsigned, unsigned: true);
            case Op.Le or Op.LeU:
                return Compare(instruction, "LessThanOrEqual", PushUnsigned, unsigned: true);
            default:
                return null;
        }
    }

    private static Type Unsigned(Type element) => element == typeof(int) ? typeof(uint) : typeof(ulong);

    private static Action<LaneCode, int> Invert(Instruction instruction) => (code, part) =>
    {
        code.PushVector(instruction.Operands[0], part);
        code.Invert(LaneCode.Element(instruction.Type));
    };

    private static Action<LaneCode, int> Unary(Instruction instruction, string name) => (code, part) =>
    {
        Type vector = code.Vector(instruction.Type);
        code.PushVector(instruction.Operands[0], part);
        code.Call(name, vector);
    };

    private static Action<LaneCode, int> Binary(
        Instruction instruction, string name, Action<LaneCode, IrValue, int>? push = null, bool unsigned = false) => (code, part) =>
    {
        push ??= static (code, value, index) => code.PushVector(value, index);
        Type element = LaneCode.Element(instruction.Type);
        Type used = unsigned ? Unsigned(element) : element;
        for (int i = 0; i < 2; i++)
        {
            push(code, instruction.Operands[i], part);
            code.Reinterpret(element, used);
        }

        code.Call(name, code.Isa.Vector(used), code.Isa.Vector(used));
        code.Reinterpret(used, element);
    };

    private static Action<LaneCode, int> Fma(Instruction instruction) => (code, part) =>
    {
        Type vector = code.Vector(instruction.Type);
        for (int i = 0; i < 3; i++)
        {
            code.PushVector(instruction.Operands[i], part);
        }

        code.Call("FusedMultiplyAdd", vector, vector, vector);
    };

    private static Action<LaneCode, int> Reciprocal(Instruction instruction) => (code, part) =>
    {
        Type element = LaneCode.Element(instruction.Type);
        Type vector = code.Vector(instruction.Type);
        ScalarOps.Constant(code.Il, instruction.Type, instruction.Type == IrType.F32 ? BitConverter.SingleToInt32Bits(1f) : BitConverter.DoubleToInt64Bits(1));
        code.Call("Create", element);
        code.PushVector(instruction.Operands[0], part);
        code.Call("Sqrt", vector);
        code.Call("Divide", vector, vector);
    };

    private static Action<LaneCode, int> Compare(
        Instruction instruction, string name, Action<LaneCode, IrValue, int> push, bool unsigned = false, bool negate = false) => (code, part) =>
    {
        IrType type = instruction.Operands[0].Type;
        Type element = LaneCode.Element(type);
        Type used = unsigned ? Unsigned(element) : element;
        for (int i = 0; i < 2; i++)
        {
            push(code, instruction.Operands[i], part);
            code.Reinterpret(element, used);
        }

        code.Call(name, code.Isa.Vector(used), code.Isa.Vector(used));
        Type mask = LaneCode.Parts(type) == 2 ? typeof(long) : typeof(int);
        code.Reinterpret(used, mask);
        if (negate)
        {
            code.Invert(mask);
        }
    };

    private static Action<LaneCode, int> UniformShift(Instruction instruction) => (code, part) =>
    {
        IrType type = instruction.Type;
        switch (instruction.Op)
        {
            case Op.Shr:
                PushSigned(code, instruction.Operands[0], part);
                break;
            case Op.ShrU:
                PushUnsigned(code, instruction.Operands[0], part);
                break;
            default:
                code.PushVector(instruction.Operands[0], part);
                break;
        }

        string name = instruction.Op switch { Op.Shl => "ShiftLeft", Op.Shr => "ShiftRightArithmetic", _ => "ShiftRightLogical" };
        if (instruction.Operands[1] is Instruction { Op: Op.Constant } constant)
        {
            Shift(code, name, code.Vector(type), (int)constant.Immediate & (type.ScalarBits - 1));
            return;
        }

        code.PushScalar(instruction.Operands[1]);
        code.Il.Emit(OpCodes.Ldc_I4, type.ScalarBits - 1);
        code.Il.Emit(OpCodes.And);
        code.Call(name, code.Vector(type), typeof(int));
    };

    private static void Select(LaneCode code, Instruction instruction)
    {
        IrType type = instruction.Type;
        Type vector = code.Vector(type);
        for (int i = 0; i < type.Width * LaneCode.Parts(type); i++)
        {
            code.PushVector(instruction.Operands[0]);
            code.FitMask(type, i % LaneCode.Parts(type));
            code.PushVector(instruction.Operands[1], i);
            code.PushVector(instruction.Operands[2], i);
            code.Call("ConditionalSelect", vector, vector, vector);
            code.StoreVector(instruction, i);
        }
    }

    private static void BuildVector(LaneCode code, Instruction instruction)
    {
        int parts = LaneCode.Parts(instruction.Type);
        for (int i = 0; i < instruction.Type.Width * parts; i++)
        {
            code.PushVector(instruction.Operands[i / parts], i % parts);
            code.StoreVector(instruction, i);
        }
    }

    private static void Extract(LaneCode code, Instruction instruction)
    {
        int parts = LaneCode.Parts(instruction.Type);
        for (int part = 0; part < parts; part++)
        {
            code.PushVector(instruction.Operands[0], ((int)instruction.Immediate * parts) + part);
            code.StoreVector(instruction, part);
        }
    }
}
