using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// What the lanes of a warp of several vectors do together. Every vector leaves its operands in its frame and waits for the others; then
/// a function takes from all frames what its lanes get. The second wait keeps the frames as they are until all have read.
/// </summary>
internal sealed class WarpExchange(LaneCode code, BarrierEmitter barriers, BarrierFrames frames)
{
    private readonly ILGenerator _il = code.Il;

    /// <summary>Whether vectors only wait for each other at an operation.</summary>
    public static bool IsWait(Instruction instruction, VectorIsa isa) =>
        instruction.Op is Op.Barrier or Op.ClusterBarrier || (instruction.Op is Op.WarpBarrier or Op.WarpGroupWait && isa.WarpLanes > isa.Lanes);

    /// <summary>For whom vectors wait at an operation.</summary>
    public static WaitScope ScopeOf(Instruction instruction) => instruction.Op switch
    {
        Op.Barrier or Op.ClusterBarrier or Op.Broadcast => WaitScope.Group,
        Op.AsyncBarrierWait => WaitScope.Phase,
        _ => WaitScope.Warp,
    };

    /// <summary>Whether vectors of a warp pass values to each other at an operation.</summary>
    public static bool IsExchange(Instruction instruction, VectorIsa isa) =>
        instruction.Op is Op.MatrixMultiply or Op.LoadMatrix or Op.WarpGroupMultiplyHeld || (instruction.Op == Op.Shuffle && isa.WarpLanes > isa.Lanes);

    /// <summary>Bytes that an operand takes in a vector's frame: each scalar with all lanes side by side.</summary>
    public static int Bytes(IrValue operand, VectorIsa isa) => operand.Type.Width * LaneCode.Parts(operand.Type) * isa.Bytes;

    public void Emit(Instruction instruction)
    {
        int offset = frames.ExchangeOffset;
        foreach (IrValue operand in instruction.Operands)
        {
            Keep(operand, offset);
            offset += Bytes(operand, code.Isa);
        }

        barriers.Wait(instruction);
        Call(instruction);
        if (instruction.Type.Kind != IrKind.Void)
        {
            TakeResult(instruction);
        }

        barriers.Wait(instruction, isSecond: true);
    }

    private void Call(Instruction instruction)
    {
        (string function, int first, int second) = instruction.Op switch
        {
            Op.MatrixMultiply => (nameof(WarpFunctions.MultiplyAdd), (int)instruction.Immediate, 0),
            Op.WarpGroupMultiplyHeld => (nameof(WarpFunctions.MultiplyAddHeld), (int)instruction.Immediate, 0),
            Op.LoadMatrix => (nameof(WarpFunctions.LoadMatrix), instruction.Type.Width, (int)instruction.Immediate),
            _ => (nameof(WarpFunctions.Shuffle), code.Isa.WarpLanes, LaneCode.Parts(instruction.Type) * sizeof(int)),
        };
        _il.Emit(OpCodes.Ldarg_1);
        _il.Emit(OpCodes.Ldc_I4, frames.Bytes);
        _il.Emit(OpCodes.Ldc_I4, frames.ExchangeOffset);
        _il.Emit(OpCodes.Ldc_I4, code.Isa.Lanes);
        code.PushScratch(0);
        _il.Emit(OpCodes.Ldc_I4, first);
        _il.Emit(OpCodes.Ldc_I4, second);
        _il.Emit(OpCodes.Call, typeof(WarpFunctions).GetMethod(function)!);
    }

    private void TakeResult(Instruction instruction)
    {
        if (code.Varies(instruction))
        {
            code.Unspill(instruction, 0);
            return;
        }

        LocalBuilder[] scalars = code.Scalars(instruction);
        for (int i = 0; i < scalars.Length; i++)
        {
            code.PushScratch(0, i * LaneCode.Parts(instruction.Type) * code.Isa.Bytes);
            _il.Emit(OpCodes.Ldobj, scalars[i].LocalType);
            _il.Emit(OpCodes.Stloc, scalars[i]);
        }

        code.AfterDefinition(instruction);
    }

    // without vectors a lane is a scalar
    private void Keep(IrValue value, int offset)
    {
        bool isScalar = code.Isa.Lanes == 1;
        int count = value.Type.Width * (isScalar ? 1 : LaneCode.Parts(value.Type));
        for (int i = 0; i < count; i++)
        {
            barriers.PushFrame(offset + (i * Bytes(value, code.Isa) / count));
            if (isScalar)
            {
                code.PushScalar(value, i);
            }
            else
            {
                code.PushVector(value, i);
            }

            _il.Emit(OpCodes.Unaligned, (byte)1);
            _il.Emit(OpCodes.Stobj, isScalar ? LaneCode.Element(value.Type) : code.Vector(value.Type));
        }
    }
}
