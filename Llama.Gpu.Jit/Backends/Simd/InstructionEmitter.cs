using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Emits one instruction: as a scalar where it does not vary, else as vectors, else lane by lane.</summary>
internal sealed class InstructionEmitter(LaneCode code, MemoryLayout layout, bool linear)
{
    public void Emit(Instruction instruction)
    {
        switch (instruction.Op)
        {
            case Op.Constant or Op.WarpBarrier or Op.AsyncCommit or Op.AsyncWait:
            case Op.WarpGroupFence or Op.WarpGroupCommit or Op.WarpGroupWait or Op.WarpGroupFenceStores or Op.WarpGroupRegisters:
                return;
            case Op.AsyncBarrierInit:
                LaneLoop.Call(code, instruction, typeof(PhaseFunctions), nameof(PhaseFunctions.Initialize));
                return;
            case Op.AsyncBarrierArrive:
                LaneLoop.Call(code, instruction, typeof(PhaseFunctions), nameof(PhaseFunctions.Arrive), (int)instruction.Immediate);
                return;
            case Op.TensorLoad:
                LaneLoop.Call(code, instruction, typeof(PhaseFunctions), nameof(PhaseFunctions.Load), (int)instruction.Immediate);
                return;
            case Op.WarpGroupMultiply:
                LaneLoop.Call(code, instruction, typeof(WarpGroupFunctions), nameof(WarpGroupFunctions.MultiplyAdd), (int)instruction.Immediate);
                return;
            case Op.AsyncCopy:
                LaneLoop.AsyncCopy(code, instruction);
                return;
            case Op.Fence:
                code.Il.Emit(OpCodes.Call, typeof(Thread).GetMethod(nameof(Thread.MemoryBarrier))!);
                return;
            case Op.Store:
                MemoryOps.Store(code, instruction);
                return;
            case Op.Prefetch:
                MemoryOps.Prefetch(code, instruction);
                return;
        }

        if (code.Varies(instruction))
        {
            EmitVarying(instruction);
        }
        else if (!code.IsFolded(instruction))
        {
            EmitOnce(instruction);
            code.AfterDefinition(instruction);
        }
    }

    private void EmitVarying(Instruction instruction)
    {
        switch (instruction.Op)
        {
            case Op.Load:
                MemoryOps.Load(code, instruction);
                break;
            case Op.Atomic or Op.CompareExchange:
                LaneLoop.Atomic(code, instruction);
                break;
            case Op.Shuffle:
                Shuffle(instruction);
                break;
            case Op.BuiltIn:
                LaneIndices(instruction);
                break;
            default:
                EmitComputation(instruction);
                break;
        }
    }

    private void EmitComputation(Instruction instruction)
    {
        if (VectorOps.TryEmit(code, instruction))
        {
            return;
        }

        if (instruction.Type.Width > 1 || instruction.Operands.Any(operand => operand.Type.Width > 1))
        {
            throw new NotSupportedException($"simd has no {IrPrinter.Describe(instruction)}");
        }

        LaneLoop.Emit(code, instruction);
    }

    private void EmitOnce(Instruction instruction)
    {
        switch (instruction.Op)
        {
            case Op.Load:
                MemoryOps.ScalarLoad(code, instruction);
                return;
            case Op.BuildVector or Op.Extract or Op.Select when instruction.Type.Width > 1 || instruction.Op == Op.Extract:
                Rearrange(instruction);
                return;
            case Op.Parameter:
                PushParameter(instruction);
                break;
            case Op.BuiltIn:
                PushBuiltIn((BuiltIn)instruction.Immediate);
                break;
            case Op.Undefined:
                for (int i = 1; i < instruction.Type.Width; i++)
                {
                    ScalarOps.Constant(code.Il, instruction.Type.Scalar, 0);
                    code.Il.Emit(OpCodes.Stloc, code.Scalars(instruction)[i]);
                }

                ScalarOps.Constant(code.Il, instruction.Type.Scalar, 0);
                break;
            case Op.AllocateShared:
                PushPlace(nameof(SimdGroup.Shared), layout[instruction]);
                break;
            case Op.DynamicShared:
                PushPlace(nameof(SimdGroup.DynamicShared), 0);
                break;
            case Op.AllocateLocal:
                PushLocal(instruction);
                break;
            case Op.Shuffle:
                code.PushScalar(instruction.Operands[0]);
                break;
            case Op.Atomic or Op.CompareExchange:
                LaneLoop.ScalarAtomic(code.Il, instruction, operand => code.PushScalar(instruction.Operands[operand]));
                break;
            default:
                ScalarOps.Emit(code.Il, instruction, operand => code.PushScalar(instruction.Operands[operand]));
                break;
        }

        code.Il.Emit(OpCodes.Stloc, code.Scalars(instruction)[0]);
    }

    private void Rearrange(Instruction instruction)
    {
        for (int i = 0; i < instruction.Type.Width; i++)
        {
            switch (instruction.Op)
            {
                case Op.BuildVector:
                    code.PushScalar(instruction.Operands[i]);
                    break;
                case Op.Extract:
                    code.PushScalar(instruction.Operands[0], (int)instruction.Immediate);
                    break;
                default:
                    int component = i;
                    ScalarOps.Emit(code.Il, instruction, operand => code.PushScalar(instruction.Operands[operand], operand == 0 ? 0 : component));
                    break;
            }

            code.Il.Emit(OpCodes.Stloc, code.Scalars(instruction)[i]);
        }
    }

    private void PushParameter(Instruction instruction)
    {
        code.Il.Emit(OpCodes.Ldarg_0);
        code.Il.Emit(OpCodes.Ldc_I4, (int)instruction.Immediate * 8);
        code.Il.Emit(OpCodes.Add);
        ScalarOps.Load(code.Il, instruction.Type, 8);
    }

    private void PushBuiltIn(BuiltIn builtIn)
    {
        switch (builtIn)
        {
            case BuiltIn.WarpSize:
                code.Il.Emit(OpCodes.Ldc_I4, code.Isa.WarpLanes);
                break;
            case BuiltIn.LaneX when linear:
                code.PushField(nameof(SimdGroup.FirstLane));
                break;
            case BuiltIn.LaneY or BuiltIn.LaneZ when linear:
                code.Il.Emit(OpCodes.Ldc_I4_0);
                break;
            case BuiltIn.LaneX or BuiltIn.LaneY or BuiltIn.LaneZ:
                PushLaneTable(builtIn);
                code.Il.Emit(OpCodes.Ldind_I4);
                break;
            default:
                code.PushField(builtIn.ToString());
                break;
        }
    }

    private void LaneIndices(Instruction instruction)
    {
        PushLaneTable((BuiltIn)instruction.Immediate);
        code.Il.Emit(OpCodes.Unaligned, (byte)1);
        code.Il.Emit(OpCodes.Ldobj, code.Vector(instruction.Type));
        code.StoreVector(instruction, 0);
    }

    private void PushLaneTable(BuiltIn builtIn)
    {
        code.PushField(builtIn.ToString());
        code.PushField(nameof(SimdGroup.FirstLane));
        code.Il.Emit(OpCodes.Ldc_I4_4);
        code.Il.Emit(OpCodes.Mul);
        code.Il.Emit(OpCodes.Add);
    }

    private void PushPlace(string field, int offset)
    {
        code.PushField(field);
        code.Il.Emit(OpCodes.Ldc_I4, offset);
        code.Il.Emit(OpCodes.Add);
        code.Il.Emit(OpCodes.Conv_U8);
    }

    // an allocation is an array over the lanes of the largest group
    private void PushLocal(Instruction instruction)
    {
        PushPlace(nameof(SimdGroup.Local), layout[instruction]);
        code.PushField(nameof(SimdGroup.FirstLane));
        code.Il.Emit(OpCodes.Conv_I8);
        code.Il.Emit(OpCodes.Ldc_I8, instruction.Immediate);
        code.Il.Emit(OpCodes.Mul);
        code.Il.Emit(OpCodes.Add);
    }

    private void Shuffle(Instruction instruction)
    {
        IrValue value = instruction.Operands[0];
        if (value.Type.ScalarBits == 64)
        {
            LaneLoop.Shuffle(code, instruction);
            return;
        }

        Type element = LaneCode.Element(value.Type);
        Type words = code.Isa.Vector(typeof(int));
        code.PushVector(value);
        code.Reinterpret(element, typeof(int));
        code.PushVector(instruction.Operands[1]);
        PushLaneCount();
        code.Call(nameof(LaneFunctions512.Exchange), words, words, typeof(int));
        code.Reinterpret(typeof(int), element);
        code.StoreVector(instruction, 0);
    }

    // where all lanes are active, the vector is whole
    private void PushLaneCount()
    {
        if (code.ActiveMask is null)
        {
            code.Il.Emit(OpCodes.Ldc_I4, code.Isa.Lanes);
        }
        else
        {
            code.PushField(nameof(SimdGroup.LaneCount));
        }
    }
}
