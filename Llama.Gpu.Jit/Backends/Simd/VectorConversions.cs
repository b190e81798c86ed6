using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Conversions as vector instructions.</summary>
internal static class VectorConversions
{
    /// <summary>Emits the conversion and stores its result; false if it has no vector form at these types.</summary>
    public static bool TryEmit(LaneCode code, Instruction instruction)
    {
        IrValue source = instruction.Operands[0];
        IrType from = source.Type;
        IrType to = instruction.Type;
        if (from.Width > 1 || to.Width > 1)
        {
            return false;
        }

        switch (instruction.Op)
        {
            case Op.Truncation:
                Truncate(code, instruction, source);
                return true;
            case Op.SignExtend:
                VectorOps.PushSigned(code, source, 0);
                Widen(code, instruction, typeof(int));
                return true;
            case Op.ZeroExtend:
                PushZeroExtended(code, source);
                Widen(code, instruction, typeof(uint));
                return true;
            case Op.IntToFloat when from.ScalarBits <= 32:
                VectorOps.PushSigned(code, source, 0);
                ToFloat(code, instruction, typeof(int));
                return true;
            case Op.UnsignedToFloat when from.ScalarBits <= 16 || (from.ScalarBits == 32 && to == IrType.F32):
                VectorOps.PushUnsigned(code, source, 0);
                ToFloat(code, instruction, from.ScalarBits <= 16 ? typeof(int) : typeof(uint));
                return true;
            case Op.FloatToInt or Op.FloatToUnsigned when from == IrType.F32 && to == IrType.I32:
                Type integer = instruction.Op == Op.FloatToInt ? typeof(int) : typeof(uint);
                code.PushVector(source);
                code.Call(integer == typeof(int) ? "ConvertToInt32" : "ConvertToUInt32", code.Isa.Vector(typeof(float)));
                code.Reinterpret(integer, typeof(int));
                code.StoreVector(instruction, 0);
                return true;
            case Op.FloatToFloat:
                Refloat(code, instruction, source);
                return true;
            case Op.Bitcast:
                for (int part = 0; part < LaneCode.Parts(to); part++)
                {
                    code.PushVector(source, part);
                    code.Reinterpret(LaneCode.Element(from), LaneCode.Element(to));
                    code.StoreVector(instruction, part);
                }

                return true;
            case Op.BFloat16ToFloat:
                code.PushVector(source);
                VectorOps.Shift(code, "ShiftLeft", 16);
                code.Reinterpret(typeof(int), typeof(float));
                code.StoreVector(instruction, 0);
                return true;
            case Op.FloatToBFloat16 or Op.HalfToFloat:
                code.PushVector(source);
                code.Call(instruction.Op.ToString(), code.Vector(from));
                code.StoreVector(instruction, 0);
                return true;
            default:
                return false;
        }
    }

    private static void Truncate(LaneCode code, Instruction instruction, IrValue source)
    {
        code.PushVector(source);
        if (source.Type.ScalarBits == 64)
        {
            code.PushVector(source, 1);
            code.Call("Narrow", code.Isa.Vector(typeof(long)), code.Isa.Vector(typeof(long)));
        }

        if (instruction.Type == IrType.I1)
        {
            VectorOps.Shift(code, "ShiftLeft", 31);
            VectorOps.Shift(code, "ShiftRightArithmetic", 31);
        }

        code.StoreVector(instruction, 0);
    }

    private static void PushZeroExtended(LaneCode code, IrValue source)
    {
        VectorOps.PushUnsigned(code, source, 0);
        if (source.Type == IrType.I1)
        {
            code.Call("Negate", code.Isa.Vector(typeof(int)));
        }
    }

    // the int32 vector on the stack as the integer that the instruction gives
    private static void Widen(LaneCode code, Instruction instruction, Type element)
    {
        if (instruction.Type != IrType.I64)
        {
            code.StoreVector(instruction, 0);
            return;
        }

        Type narrow = code.Isa.Vector(element);
        LocalBuilder value = code.Borrow(narrow);
        code.Reinterpret(typeof(int), element);
        code.Il.Emit(OpCodes.Stloc, value);
        for (int part = 0; part < 2; part++)
        {
            code.Il.Emit(OpCodes.Ldloc, value);
            code.Call(part == 0 ? "WidenLower" : "WidenUpper", narrow);
            code.Reinterpret(element == typeof(int) ? typeof(long) : typeof(ulong), typeof(long));
            code.StoreVector(instruction, part);
        }

        code.Return(value);
    }

    private static void ToFloat(LaneCode code, Instruction instruction, Type element)
    {
        if (instruction.Type == IrType.F32)
        {
            code.Reinterpret(typeof(int), element);
            code.Call("ConvertToSingle", code.Isa.Vector(element));
            code.StoreVector(instruction, 0);
            return;
        }

        LocalBuilder value = code.Borrow(code.Isa.Vector(typeof(int)));
        code.Il.Emit(OpCodes.Stloc, value);
        for (int part = 0; part < 2; part++)
        {
            code.Il.Emit(OpCodes.Ldloc, value);
            code.Call(part == 0 ? "WidenLower" : "WidenUpper", value.LocalType);
            code.Call("ConvertToDouble", code.Isa.Vector(typeof(long)));
            code.StoreVector(instruction, part);
        }

        code.Return(value);
    }

    private static void Refloat(LaneCode code, Instruction instruction, IrValue source)
    {
        if (instruction.Type == IrType.F32)
        {
            code.PushVector(source, 0);
            code.PushVector(source, 1);
            code.Call("Narrow", code.Isa.Vector(typeof(double)), code.Isa.Vector(typeof(double)));
            code.StoreVector(instruction, 0);
            return;
        }

        for (int part = 0; part < 2; part++)
        {
            code.PushVector(source);
            code.Call(part == 0 ? "WidenLower" : "WidenUpper", code.Isa.Vector(typeof(float)));
            code.StoreVector(instruction, part);
        }
    }
}
