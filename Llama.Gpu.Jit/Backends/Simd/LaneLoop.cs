using System.Numerics;
using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Does what no vector instruction does: writes varying operands to scratch memory, runs the scalar operation for each lane, and
/// reads the results back as vectors.
/// </summary>
internal static class LaneLoop
{
    private const int ResultArea = 0;

    /// <summary>An operation without effect: run for every lane, active or not.</summary>
    public static void Emit(LaneCode code, Instruction instruction)
    {
        SpillOperands(code, instruction);
        Each(code, mask: null, () =>
        {
            PushSlot(code, ResultArea, instruction.Type, 0);
            ScalarOps.Emit(code.Il, instruction, operand => PushLane(code, instruction.Operands[operand], operand + 1, 0));
            StoreSlot(code.Il, instruction.Type);
        });
        code.Unspill(instruction, ResultArea);
    }

    /// <summary>A shuffle of any type: an index outside the lanes that exist gives the lane's own value.</summary>
    public static void Shuffle(LaneCode code, Instruction instruction)
    {
        ILGenerator il = code.Il;
        IrValue value = instruction.Operands[0];
        SpillOperands(code, instruction);
        LocalBuilder source = code.Borrow(typeof(int));
        Each(code, mask: null, () =>
        {
            Label found = il.DefineLabel();
            PushLane(code, instruction.Operands[1], 2, 0);
            il.Emit(OpCodes.Stloc, source);
            il.Emit(OpCodes.Ldloc, source);
            code.PushField(nameof(SimdGroup.LaneCount));
            il.Emit(OpCodes.Blt_Un, found);
            il.Emit(OpCodes.Ldloc, code.LaneIndex);
            il.Emit(OpCodes.Stloc, source);
            il.MarkLabel(found);
            PushSlot(code, ResultArea, instruction.Type, 0);
            PushSlot(code, 1, value.Type, 0, source);
            LoadSlot(il, value.Type);
            StoreSlot(il, instruction.Type);
        });
        code.Return(source);
        code.Unspill(instruction, ResultArea);
    }

    /// <summary>A load from each active lane's own address.</summary>
    public static void Load(LaneCode code, Instruction instruction)
    {
        SpillOperands(code, instruction);
        IrType type = instruction.Type;
        Each(code, code.ActiveMask, () =>
        {
            for (int component = 0; component < type.Width; component++)
            {
                PushSlot(code, ResultArea, type, component);
                PushAddress(code, instruction.Operands[0], component * type.Scalar.Bytes);
                ScalarOps.Load(code.Il, type.Scalar, instruction.Immediate);
                StoreSlot(code.Il, type);
            }
        });
        code.Unspill(instruction, ResultArea);
    }

    /// <summary>A store to each active lane's own address, in the order of the lanes.</summary>
    public static void Store(LaneCode code, Instruction instruction)
    {
        SpillOperands(code, instruction);
        IrValue value = instruction.Operands[1];
        Each(code, code.ActiveMask, () =>
        {
            for (int component = 0; component < value.Type.Width; component++)
            {
                PushAddress(code, instruction.Operands[0], component * value.Type.Scalar.Bytes);
                code.Il.Emit(OpCodes.Conv_U);
                PushLane(code, value, 2, component);
                ScalarOps.Store(code.Il, value.Type, instruction.Immediate);
            }
        });
    }

    /// <summary>An asynchronous copy of each active lane, done at once.</summary>
    public static void AsyncCopy(LaneCode code, Instruction instruction)
    {
        SpillOperands(code, instruction);
        Each(code, code.ActiveMask, () =>
        {
            for (int operand = 0; operand < instruction.Operands.Length; operand++)
            {
                PushLane(code, instruction.Operands[operand], operand + 1, 0);
            }

            code.Il.Emit(OpCodes.Ldc_I4, (int)instruction.Immediate);
            code.Il.Emit(OpCodes.Call, typeof(WarpFunctions).GetMethod(nameof(WarpFunctions.Copy))!);
        });
    }

    /// <summary>A call for each active lane: with the group, the lane's number in the vector, its operands, and numbers that are known.</summary>
    public static void Call(LaneCode code, Instruction instruction, Type functions, string function, params int[] more)
    {
        SpillOperands(code, instruction);
        Each(code, code.ActiveMask, () =>
        {
            code.Il.Emit(OpCodes.Ldarg_1);
            code.Il.Emit(OpCodes.Ldloc, code.LaneIndex);
            for (int operand = 0; operand < instruction.Operands.Length; operand++)
            {
                PushLane(code, instruction.Operands[operand], operand + 1, 0);
            }

            Array.ForEach(more, number => code.Il.Emit(OpCodes.Ldc_I4, number));
            code.Il.Emit(OpCodes.Call, functions.GetMethod(function)!);
        });
    }

    /// <summary>A read-modify-write for each active lane, in the order of the lanes.</summary>
    public static void Atomic(LaneCode code, Instruction instruction)
    {
        SpillOperands(code, instruction);
        Each(code, code.ActiveMask, () =>
        {
            PushSlot(code, ResultArea, instruction.Type, 0);
            ScalarAtomic(code.Il, instruction, operand => PushLane(code, instruction.Operands[operand], operand + 1, 0));
            StoreSlot(code.Il, instruction.Type);
        });
        code.Unspill(instruction, ResultArea);
    }

    /// <summary>A read-modify-write of one lane.</summary>
    public static void ScalarAtomic(ILGenerator il, Instruction instruction, Action<int> push)
    {
        Type type = ScalarOps.TypeOf(instruction.Type);
        push(0);
        il.Emit(OpCodes.Conv_U);
        push(1);
        if (instruction.Op == Op.CompareExchange)
        {
            push(2);
            ScalarOps.Call(il, nameof(ScalarFunctions.CompareExchange), type.MakePointerType(), type, type);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I4, (int)instruction.Immediate);
            ScalarOps.Call(il, nameof(ScalarFunctions.Atomic), type.MakePointerType(), type, typeof(int));
        }
    }

    /// <summary>Pushes one component of a varying value in the last active lane.</summary>
    public static void PushLastLane(LaneCode code, IrValue value, int component)
    {
        ILGenerator il = code.Il;
        if (code.ActiveMask is null)
        {
            il.Emit(OpCodes.Ldc_I4, code.Isa.Lanes - 1);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I4, 63);
            il.Emit(OpCodes.Ldloc, code.ActiveMask);
            code.MaskToBits();
            il.Emit(OpCodes.Call, typeof(BitOperations).GetMethod(nameof(BitOperations.LeadingZeroCount), [typeof(ulong)])!);
            il.Emit(OpCodes.Sub);
        }

        il.Emit(OpCodes.Stloc, code.LaneIndex);
        code.Spill(value, 1);
        PushLane(code, value, 1, component);
    }

    private static void SpillOperands(LaneCode code, Instruction instruction)
    {
        for (int i = 0; i < instruction.Operands.Length; i++)
        {
            if (code.Varies(instruction.Operands[i]))
            {
                code.Spill(instruction.Operands[i], i + 1);
            }
        }
    }

    private static void Each(LaneCode code, LocalBuilder? mask, Action body)
    {
        ILGenerator il = code.Il;
        Label top = il.DefineLabel();
        Label end = il.DefineLabel();
        if (mask is null)
        {
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Stloc, code.LaneIndex);
            il.MarkLabel(top);
            body();
            il.Emit(OpCodes.Ldloc, code.LaneIndex);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Stloc, code.LaneIndex);
            il.Emit(OpCodes.Ldloc, code.LaneIndex);
            il.Emit(OpCodes.Ldc_I4, code.Isa.Lanes);
            il.Emit(OpCodes.Blt, top);
            return;
        }

        il.Emit(OpCodes.Ldloc, mask);
        code.MaskToBits();
        il.Emit(OpCodes.Stloc, code.LaneBits);
        il.MarkLabel(top);
        il.Emit(OpCodes.Ldloc, code.LaneBits);
        il.Emit(OpCodes.Brfalse, end);
        il.Emit(OpCodes.Ldloc, code.LaneBits);
        il.Emit(OpCodes.Call, typeof(BitOperations).GetMethod(nameof(BitOperations.TrailingZeroCount), [typeof(long)])!);
        il.Emit(OpCodes.Stloc, code.LaneIndex);
        il.Emit(OpCodes.Ldloc, code.LaneBits);
        il.Emit(OpCodes.Dup);
        il.Emit(OpCodes.Ldc_I8, 1L);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Stloc, code.LaneBits);
        body();
        il.Emit(OpCodes.Br, top);
        il.MarkLabel(end);
    }

    private static void PushAddress(LaneCode code, IrValue pointer, int offset)
    {
        PushLane(code, pointer, 1, 0);
        if (offset != 0)
        {
            code.Il.Emit(OpCodes.Ldc_I8, (long)offset);
            code.Il.Emit(OpCodes.Add);
        }
    }

    // one component of a value in the current lane
    private static void PushLane(LaneCode code, IrValue value, int area, int component)
    {
        ILGenerator il = code.Il;
        if (code.Varies(value))
        {
            PushSlot(code, area, value.Type, component);
            LoadSlot(il, value.Type);
            return;
        }

        code.PushScalar(value, component);
        AddStride(code, value);
    }

    // from an affine value's base to its value in the current lane
    private static void AddStride(LaneCode code, IrValue value)
    {
        ILGenerator il = code.Il;
        long stride = code.Shapes[value].Stride;
        if (stride == 0)
        {
            return;
        }

        il.Emit(OpCodes.Ldloc, code.LaneIndex);
        if (value.Type.ScalarBits == 64)
        {
            il.Emit(OpCodes.Conv_I8);
            il.Emit(OpCodes.Ldc_I8, stride);
        }
        else
        {
            il.Emit(OpCodes.Ldc_I4, (int)stride);
        }

        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Add);
    }

    // address of a component of a value in scratch memory, in the current lane or in one given
    private static void PushSlot(LaneCode code, int area, IrType type, int component, LocalBuilder? lane = null)
    {
        int bytes = type.ScalarBits == 64 ? 8 : 4;
        code.PushScratch(area, component * LaneCode.Parts(type) * code.Isa.Bytes);
        code.Il.Emit(OpCodes.Ldloc, lane ?? code.LaneIndex);
        code.Il.Emit(OpCodes.Ldc_I4, bytes);
        code.Il.Emit(OpCodes.Mul);
        code.Il.Emit(OpCodes.Add);
    }

    /// <summary>
    /// With the address of an affine value's base and a lane of the vector on the stack: the value in that lane.
    /// </summary>
    public static void LoadBase(LaneCode code, IrValue value)
    {
        ILGenerator il = code.Il;
        il.Emit(OpCodes.Stloc, code.LaneIndex);
        il.Emit(OpCodes.Ldobj, LaneCode.Element(value.Type));
        AddStride(code, value);
    }

    /// <summary>Reads a scalar as scratch memory and frames hold it, at the address on the stack.</summary>
    public static void LoadSlot(ILGenerator il, IrType type)
    {
        switch (type.Kind)
        {
            case IrKind.F32:
                il.Emit(OpCodes.Ldind_R4);
                break;
            case IrKind.F64:
                il.Emit(OpCodes.Ldind_R8);
                break;
            case IrKind.I64 or IrKind.Pointer:
                il.Emit(OpCodes.Ldind_I8);
                break;
            case IrKind.I1:
                il.Emit(OpCodes.Ldind_I4);
                il.Emit(OpCodes.Ldc_I4_1);
                il.Emit(OpCodes.And);
                break;
            default:
                il.Emit(OpCodes.Ldind_I4);
                ScalarOps.Normalize(il, type);
                break;
        }
    }

    private static void StoreSlot(ILGenerator il, IrType type)
    {
        if (type.Kind == IrKind.I1)
        {
            il.Emit(OpCodes.Neg);
        }

        il.Emit(type.Kind switch
        {
            IrKind.F32 => OpCodes.Stind_R4,
            IrKind.F64 => OpCodes.Stind_R8,
            IrKind.I64 or IrKind.Pointer => OpCodes.Stind_I8,
            _ => OpCodes.Stind_I4,
        });
    }
}
