using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Makes a method of a kernel that runs one vector of lanes. The code stands in it up to twice. In the converged copy all lanes
/// are active and branches are branches, taken when the lanes agree. Where they do not, control passes to the masked copy: the
/// blocks one after the other, each with a mask of the lanes that are to run it, skipped while that is empty; and when all lanes
/// have come to a block where they can meet, back to the converged copy. Only blocks between a branch where lanes can part and the
/// block where they meet again stand in the masked copy. A vector that is not full runs in the masked copy alone, with every block.
/// </summary>
internal sealed class SimdEmitter
{
    private readonly ILGenerator _il;
    private readonly LaneCode _code;
    private readonly InstructionEmitter _instructions;
    private readonly ControlFlowGraph _graph;
    private readonly ValueUses _uses;
    private readonly BarrierEmitter _barriers;
    private readonly WarpExchange _exchange;
    private readonly bool _hasConverged;
    private readonly bool _hasMasked;
    private readonly Label _done;
    private readonly Dictionary<IrBlock, Label> _converged;
    private readonly Dictionary<IrBlock, Label> _masked;
    private readonly Dictionary<IrBlock, Label> _afterMasked;
    private readonly Dictionary<IrBlock, LocalBuilder> _waiting = [];
    private readonly HashSet<IrBlock> _meetings = [];
    private readonly HashSet<IrBlock> _apart;
    private readonly LocalBuilder? _active;

    public SimdEmitter(ILGenerator il, SimdAnalysis analysis, bool full)
    {
        _il = il;
        _graph = analysis.Graph;
        _uses = analysis.Uses;
        _code = new LaneCode(il, analysis);
        _instructions = new InstructionEmitter(_code, analysis.Layout, analysis.Linear);
        _barriers = new BarrierEmitter(_code, _instructions, analysis.Frames);
        _exchange = new WarpExchange(_code, _barriers, analysis.Frames);
        _hasConverged = full;
        _hasMasked = !full || analysis.Shapes.Divergence.HasBranches;
        _done = il.DefineLabel();
        _converged = _graph.Order.ToDictionary(block => block, _ => il.DefineLabel());
        _masked = _graph.Order.ToDictionary(block => block, _ => il.DefineLabel());
        _afterMasked = _graph.Order.ToDictionary(block => block, _ => il.DefineLabel());
        _apart = full ? analysis.Shapes.Divergence.BlocksApart() : [.. _graph.Order];
        if (_hasMasked)
        {
            Type mask = analysis.Isa.Vector(typeof(int));
            _active = il.DeclareLocal(mask);
            FindMeetings();
            foreach (IrBlock block in _graph.Order.Where(block => _apart.Contains(block) || _meetings.Contains(block)))
            {
                _waiting.Add(block, il.DeclareLocal(mask));
            }
        }
    }

    public void Emit()
    {
        ClearMasks();
        Dispatch();
        if (_hasConverged)
        {
            _code.ActiveMask = null;
            foreach (IrBlock block in _graph.Order)
            {
                EmitConverged(block);
            }
        }

        if (_hasMasked)
        {
            EmitMasked();
        }

        _il.MarkLabel(_done);
        _il.Emit(OpCodes.Ldc_I4_M1);
        _il.Emit(OpCodes.Ret);
    }

    private void FindMeetings()
    {
        foreach (IrBlock block in _graph.Order)
        {
            if (_code.Shapes.Divergence.IsDivergent(block) && _graph.Postdominator(block) is { } end)
            {
                _meetings.Add(end);
            }

            if (_apart.Contains(block) && block.Instructions.Any(instruction => instruction.Op is Op.Broadcast or Op.AsyncBarrierWait
                || WarpExchange.IsWait(instruction, _code.Isa) || WarpExchange.IsExchange(instruction, _code.Isa)))
            {
                _meetings.Add(block);
            }
        }
    }

    private void ClearMasks()
    {
        foreach (LocalBuilder mask in _waiting.Values)
        {
            PushNoLanes();
            _il.Emit(OpCodes.Stloc, mask);
        }
    }

    // to the start, or to the barrier that the vector waited at
    private void Dispatch()
    {
        _barriers.Dispatch(_hasConverged);
        if (!_hasConverged)
        {
            _code.PushExistingLanes();
            _il.Emit(OpCodes.Stloc, _waiting[_graph.Order[0]]);
        }

        _il.Emit(OpCodes.Br, _hasConverged ? _converged[_graph.Order[0]] : _masked[_graph.Order[0]]);
    }

    private void EmitConverged(IrBlock block)
    {
        _il.MarkLabel(_converged[block]);
        EmitBody(block);
        switch (block.Terminator)
        {
            case Goto only:
                Pass(only.Target);
                _il.Emit(OpCodes.Br, _converged[only.Target.Block]);
                break;
            case Branch branch when !_code.Varies(branch.Condition):
                Label otherwise = _il.DefineLabel();
                _code.PushScalar(branch.Condition);
                _il.Emit(OpCodes.Brfalse, otherwise);
                Pass(branch.IfTrue);
                _il.Emit(OpCodes.Br, _converged[branch.IfTrue.Block]);
                _il.MarkLabel(otherwise);
                Pass(branch.IfFalse);
                _il.Emit(OpCodes.Br, _converged[branch.IfFalse.Block]);
                break;
            case Branch branch:
                EmitPossiblyDivergent(block, branch);
                break;
            default:
                _il.Emit(OpCodes.Br, _done);
                break;
        }
    }

    private void EmitPossiblyDivergent(IrBlock block, Branch branch)
    {
        Label some = _il.DefineLabel();
        Label none = _il.DefineLabel();
        LocalBuilder bits = _code.Borrow(typeof(long));
        _code.PushVector(branch.Condition);
        _code.MaskToBits();
        _il.Emit(OpCodes.Stloc, bits);
        _il.Emit(OpCodes.Ldloc, bits);
        _il.Emit(OpCodes.Ldc_I8, _code.AllLanes);
        _il.Emit(OpCodes.Bne_Un, some);
        Pass(branch.IfTrue);
        _il.Emit(OpCodes.Br, _converged[branch.IfTrue.Block]);
        _il.MarkLabel(some);
        _il.Emit(OpCodes.Ldloc, bits);
        _il.Emit(OpCodes.Brfalse, none);
        _code.Return(bits);

        LocalBuilder yes = _code.Vectors(branch.Condition)[0];
        LocalBuilder no = _code.Borrow(yes.LocalType);
        _il.Emit(OpCodes.Ldloc, yes);
        _code.Invert(typeof(int));
        _il.Emit(OpCodes.Stloc, no);
        PassBoth(branch, yes, no);
        _code.Return(no);
        _il.Emit(OpCodes.Br, _afterMasked[block]);
        _il.MarkLabel(none);
        Pass(branch.IfFalse);
        _il.Emit(OpCodes.Br, _converged[branch.IfFalse.Block]);
    }

    private void EmitMasked()
    {
        for (int i = 0; i < _graph.Order.Count; i++)
        {
            IrBlock block = _graph.Order[i];
            if (_apart.Contains(block))
            {
                EmitMasked(block);
            }
            else if (_meetings.Contains(block))
            {
                // no lane is on another way: all are here, or none
                PushBits(_waiting[block]);
                _il.Emit(OpCodes.Brfalse, _afterMasked[block]);
                MeetAt(block);
            }

            _il.MarkLabel(_afterMasked[block]);
            foreach (BlockLoop loop in EndingLoops(i).Where(loop => _apart.Contains(loop.Head)))
            {
                PushBits(_waiting[loop.Head]);
                _il.Emit(OpCodes.Brtrue, _masked[loop.Head]);
            }
        }
    }

    private void MeetAt(IrBlock block)
    {
        PushNoLanes();
        _il.Emit(OpCodes.Stloc, _waiting[block]);
        _il.Emit(OpCodes.Br, _converged[block]);
    }

    // the loops of which no block comes later in the order, inner before outer
    private IEnumerable<BlockLoop> EndingLoops(int index)
    {
        IrBlock block = _graph.Order[index];
        IrBlock? next = index + 1 < _graph.Order.Count ? _graph.Order[index + 1] : null;
        return _graph.Loops.AsEnumerable().Reverse()
            .Where(loop => loop.Blocks.Contains(block) && (next is null || !loop.Blocks.Contains(next)));
    }

    private void EmitMasked(IrBlock block)
    {
        LocalBuilder waiting = _waiting[block];
        _il.MarkLabel(_masked[block]);
        PushBits(waiting);
        _il.Emit(OpCodes.Brfalse, _afterMasked[block]);
        if (_hasConverged && _meetings.Contains(block))
        {
            Label partly = _il.DefineLabel();
            PushBits(waiting);
            _il.Emit(OpCodes.Ldc_I8, _code.AllLanes);
            _il.Emit(OpCodes.Bne_Un, partly);
            MeetAt(block);
            _il.MarkLabel(partly);
        }

        _il.Emit(OpCodes.Ldloc, waiting);
        _il.Emit(OpCodes.Stloc, _active!);
        PushNoLanes();
        _il.Emit(OpCodes.Stloc, waiting);
        _code.ActiveMask = _active;
        EmitBody(block);
        switch (block.Terminator)
        {
            case Goto only:
                PassMasked(only.Target, _active!);
                break;
            case Branch branch when !_code.Varies(branch.Condition):
                Label otherwise = _il.DefineLabel();
                _code.PushScalar(branch.Condition);
                _il.Emit(OpCodes.Brfalse, otherwise);
                PassMasked(branch.IfTrue, _active!);
                _il.Emit(OpCodes.Br, _afterMasked[block]);
                _il.MarkLabel(otherwise);
                PassMasked(branch.IfFalse, _active!);
                break;
            case Branch branch:
                EmitDivergent(branch);
                break;
        }
    }

    private void EmitDivergent(Branch branch)
    {
        Type mask = _active!.LocalType;
        LocalBuilder yes = _code.Borrow(mask);
        LocalBuilder no = _code.Borrow(mask);
        _code.PushVector(branch.Condition);
        _il.Emit(OpCodes.Ldloc, _active!);
        _code.Call("BitwiseAnd", mask, mask);
        _il.Emit(OpCodes.Stloc, yes);
        _il.Emit(OpCodes.Ldloc, _active!);
        _code.PushVector(branch.Condition);
        _code.Call("AndNot", mask, mask);
        _il.Emit(OpCodes.Stloc, no);
        PassBoth(branch, yes, no);
        _code.Return(yes);
        _code.Return(no);
    }

    private void EmitBody(IrBlock block)
    {
        foreach (BlockParameter parameter in block.Parameters)
        {
            _code.AfterDefinition(parameter);
        }

        foreach (Instruction instruction in block.Instructions)
        {
            if (WarpExchange.IsWait(instruction, _code.Isa))
            {
                _barriers.Wait(instruction);
            }
            else if (instruction.Op == Op.AsyncBarrierWait)
            {
                _barriers.WaitForPhase(instruction);
            }
            else if (instruction.Op == Op.Broadcast)
            {
                _barriers.Broadcast(instruction);
            }
            else if (WarpExchange.IsExchange(instruction, _code.Isa))
            {
                _exchange.Emit(instruction);
            }
            else if (_uses.IsNeeded(instruction))
            {
                _instructions.Emit(instruction);
            }
        }
    }

    // the arguments of a jump that all lanes take
    private void Pass(Jump jump)
    {
        var targets = new Stack<LocalBuilder>();
        foreach (var (parameter, argument) in Arguments(jump))
        {
            PushArgument(parameter, argument, targets);
        }

        while (targets.TryPop(out LocalBuilder? target))
        {
            _il.Emit(OpCodes.Stloc, target);
        }
    }

    // the arguments of a jump that the lanes of a mask take, and the lanes themselves
    private void PassMasked(Jump jump, LocalBuilder mask)
    {
        List<(BlockParameter Parameter, int Index, LocalBuilder Value)> values = Evaluate(jump);
        Assign(jump, values, mask);
        Await(jump.Block, mask);
    }

    // both ways of a branch: all arguments are evaluated before any is assigned
    private void PassBoth(Branch branch, LocalBuilder yes, LocalBuilder no)
    {
        var ifTrue = Evaluate(branch.IfTrue);
        var ifFalse = Evaluate(branch.IfFalse);
        Assign(branch.IfTrue, ifTrue, yes);
        Await(branch.IfTrue.Block, yes);
        Assign(branch.IfFalse, ifFalse, no);
        Await(branch.IfFalse.Block, no);
    }

    private List<(BlockParameter Parameter, int Index, LocalBuilder Value)> Evaluate(Jump jump)
    {
        var values = new List<(BlockParameter, int, LocalBuilder)>();
        foreach (var (parameter, argument) in Arguments(jump))
        {
            var targets = new Stack<LocalBuilder>();
            PushArgument(parameter, argument, targets);
            for (int i = targets.Count - 1; i >= 0; i--)
            {
                LocalBuilder value = _code.Borrow(targets.Pop().LocalType);
                _il.Emit(OpCodes.Stloc, value);
                values.Add((parameter, i, value));
            }
        }

        return values;
    }

    private void Assign(Jump jump, List<(BlockParameter Parameter, int Index, LocalBuilder Value)> values, LocalBuilder mask)
    {
        Label none = _il.DefineLabel();
        bool guarded = values.Any(value => !_code.Varies(value.Parameter));
        foreach (var (parameter, index, value) in values.Where(value => _code.Varies(value.Parameter)))
        {
            _il.Emit(OpCodes.Ldloc, value);
            _code.Blend(parameter.Type, index, _code.Vectors(parameter)[index], mask);
        }

        if (guarded)
        {
            PushBits(mask);
            _il.Emit(OpCodes.Brfalse, none);
            foreach (var (parameter, index, value) in values.Where(value => !_code.Varies(value.Parameter)))
            {
                _il.Emit(OpCodes.Ldloc, value);
                _il.Emit(OpCodes.Stloc, _code.Scalars(parameter)[index]);
            }
        }

        _il.MarkLabel(none);
        values.ForEach(value => _code.Return(value.Value));
    }

    private void Await(IrBlock block, LocalBuilder mask)
    {
        LocalBuilder waiting = _waiting[block];
        _il.Emit(OpCodes.Ldloc, waiting);
        _il.Emit(OpCodes.Ldloc, mask);
        _code.Call("BitwiseOr", mask.LocalType, mask.LocalType);
        _il.Emit(OpCodes.Stloc, waiting);
    }

    private void PushArgument(BlockParameter parameter, IrValue argument, Stack<LocalBuilder> targets)
    {
        bool varies = _code.Varies(parameter);
        LocalBuilder[] locals = varies ? _code.Vectors(parameter) : _code.Scalars(parameter);
        for (int i = 0; i < locals.Length; i++)
        {
            if (varies)
            {
                _code.PushVector(argument, i);
            }
            else
            {
                _code.PushScalar(argument, i);
            }

            targets.Push(locals[i]);
        }
    }

    private IEnumerable<(BlockParameter Parameter, IrValue Argument)> Arguments(Jump jump) =>
        jump.Block.Parameters.Zip(jump.Arguments).Where(pair => _uses.IsNeeded(pair.First));

    private void PushBits(LocalBuilder mask)
    {
        _il.Emit(OpCodes.Ldloc, mask);
        _code.MaskToBits();
    }

    private void PushNoLanes()
    {
        _il.Emit(OpCodes.Ldc_I4_0);
        _code.Call("Create", typeof(int));
    }
}
