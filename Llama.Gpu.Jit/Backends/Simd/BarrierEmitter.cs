using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// What a vector of lanes does where it waits for the others of its group: it keeps what it needs in its frame and returns the
/// number of the place; run again from that number, it goes on behind it.
/// </summary>
internal sealed class BarrierEmitter(LaneCode code, InstructionEmitter instructions, BarrierFrames frames)
{
    private readonly ILGenerator _il = code.Il;
    private readonly Label[] _converged = [.. frames.Waits.Select(_ => code.Il.DefineLabel())];
    private readonly Label[] _masked = [.. frames.Waits.Select(_ => code.Il.DefineLabel())];

    /// <summary>At the start of the method: to the place that it is to go on from, if it is not the first run.</summary>
    public void Dispatch(bool converged)
    {
        if (frames.Waits.Count > 0)
        {
            _il.Emit(OpCodes.Ldarg_2);
            _il.Emit(OpCodes.Ldc_I4_1);
            _il.Emit(OpCodes.Sub);
            _il.Emit(OpCodes.Switch, converged ? _converged : _masked);
        }
    }

    /// <summary>A barrier. A group of one vector need not wait.</summary>
    public void Wait(Instruction barrier, bool isSecond = false)
    {
        Label on = _il.DefineLabel();
        code.PushField(nameof(SimdGroup.VectorCount));
        _il.Emit(OpCodes.Ldc_I4_1);
        _il.Emit(OpCodes.Beq, on);
        Suspend(frames.Waits.FindIndex(wait => wait.Barrier == barrier && wait.IsSecond == isSecond));
        _il.MarkLabel(on);
    }

    /// <summary>Leaves until the phase is complete; tried again whenever the vector is run. A group of one vector may wait for a box too.</summary>
    public void WaitForPhase(Instruction wait)
    {
        Label test = _il.DefineLabel();
        Label complete = _il.DefineLabel();
        _il.MarkLabel(test);
        _il.Emit(OpCodes.Ldarg_1);
        foreach (IrValue operand in wait.Operands)
        {
            // the same in all lanes of the warp
            if (code.Varies(operand))
            {
                LaneLoop.PushLastLane(code, operand, 0);
            }
            else
            {
                code.PushScalar(operand);
            }
        }

        _il.Emit(OpCodes.Call, typeof(PhaseFunctions).GetMethod(nameof(PhaseFunctions.IsComplete))!);
        _il.Emit(OpCodes.Brtrue, complete);
        Suspend(frames.Waits.FindIndex(other => other.Barrier == wait));
        _il.Emit(OpCodes.Br, test);
        _il.MarkLabel(complete);
    }

    private void Suspend(int number)
    {
        List<IrValue> live = frames.Waits[number].Live;
        foreach (IrValue value in live.Where(value => !BarrierFrames.IsMadeAgain(value)))
        {
            Keep(value);
        }

        _il.Emit(OpCodes.Ldc_I4, number + 1);
        _il.Emit(OpCodes.Ret);
        if (code.ActiveMask is { } active)
        {
            _il.MarkLabel(_masked[number]);
            code.PushExistingLanes();
            _il.Emit(OpCodes.Stloc, active);
        }
        else
        {
            _il.MarkLabel(_converged[number]);
        }

        foreach (IrValue value in live)
        {
            if (BarrierFrames.IsMadeAgain(value))
            {
                instructions.Emit((Instruction)value);
            }
            else
            {
                Restore(value);
            }
        }
    }

    /// <summary>
    /// Every vector leaves the value in its frame, and reads it from the frame of the one that has the lane. The second wait keeps
    /// the frames as they are until all have read.
    /// </summary>
    public void Broadcast(Instruction instruction)
    {
        IrValue value = instruction.Operands[0];
        IrValue lane = instruction.Operands[1];
        Keep(value);
        Wait(instruction);
        PushSlot(value, 0, () => code.PushScalar(lane));
        PushLaneInVector(lane);
        if (code.Varies(value))
        {
            _il.Emit(OpCodes.Ldc_I4, value.Type.ScalarBits == 64 ? 8 : 4);
            _il.Emit(OpCodes.Mul);
            _il.Emit(OpCodes.Add);
            LaneLoop.LoadSlot(_il, value.Type);
        }
        else
        {
            LaneLoop.LoadBase(code, value);
        }

        _il.Emit(OpCodes.Stloc, code.Scalars(instruction)[0]);
        Wait(instruction, isSecond: true);
    }

    private void PushLaneInVector(IrValue lane)
    {
        code.PushScalar(lane);
        _il.Emit(OpCodes.Ldc_I4, code.Isa.Lanes);
        _il.Emit(OpCodes.Rem);
    }

    /// <summary>Pushes an address in the frame of this vector.</summary>
    public void PushFrame(int offset) => PushFrame(offset, () => code.PushField(nameof(SimdGroup.FirstLane)));

    // address of a value in the frame of the vector that has a lane
    private void PushSlot(IrValue value, int offset, Action pushLane) => PushFrame(frames[value] + offset, pushLane);

    private void PushFrame(int offset, Action pushLane)
    {
        code.PushField(nameof(SimdGroup.Frames));
        pushLane();
        _il.Emit(OpCodes.Ldc_I4, code.Isa.Lanes);
        _il.Emit(OpCodes.Div);
        _il.Emit(OpCodes.Ldc_I4, frames.Bytes);
        _il.Emit(OpCodes.Mul);
        _il.Emit(OpCodes.Ldc_I4, offset);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Add);
    }

    private void PushSlot(IrValue value, int offset) =>
        PushSlot(value, offset, () => code.PushField(nameof(SimdGroup.FirstLane)));

    private void Keep(IrValue value)
    {
        bool varies = code.Varies(value);
        LocalBuilder[] locals = varies ? code.Vectors(value) : code.Scalars(value);
        for (int i = 0; i < locals.Length; i++)
        {
            PushSlot(value, i * (varies ? code.Isa.Bytes : 8));
            if (varies)
            {
                _il.Emit(OpCodes.Ldloc, locals[i]);
            }
            else
            {
                code.PushScalar(value, i);
            }

            _il.Emit(OpCodes.Unaligned, (byte)1);
            _il.Emit(OpCodes.Stobj, locals[i].LocalType);
        }
    }

    private void Restore(IrValue value)
    {
        bool varies = code.Varies(value);
        LocalBuilder[] locals = varies ? code.Vectors(value) : code.Scalars(value);
        for (int i = 0; i < locals.Length; i++)
        {
            PushSlot(value, i * (varies ? code.Isa.Bytes : 8));
            _il.Emit(OpCodes.Unaligned, (byte)1);
            _il.Emit(OpCodes.Ldobj, locals[i].LocalType);
            _il.Emit(OpCodes.Stloc, locals[i]);
        }

        code.AfterDefinition(value);
    }
}
