using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>Writes out loops that go round a number of times known now, inner ones first, within a budget of instructions.</summary>
internal sealed class LoopUnrolling
{
    // each round may lay open the bounds of loops further in
    private const int Rounds = 8;

    private readonly IrFunction _function;
    private readonly PassOptions _options;
    private readonly Dictionary<IrValue, (IrBlock Block, List<LoopCopy> Turns)> _unrolled = [];
    private int _size;

    private LoopUnrolling(IrFunction function, PassOptions options)
    {
        _function = function;
        _options = options;
        _size = function.Instructions.Count();
    }

    public static void Run(IrFunction function, PassOptions options)
    {
        for (int i = 0; i < Rounds && new LoopUnrolling(function, options).Round(); i++)
        {
            // the counters of a chain of copies are constants once the chain is one block
            BranchSimplification.Run(function, options);
            CopyPropagation.Run(function, options);
            ConstantFolding.Run(function, options);
            DeadCode.Run(function, options);
        }
    }

    private bool Round()
    {
        LoopForest forest = LoopForest.Simplify(_function);
        var changed = new HashSet<IrBlock>();
        foreach (Loop loop in forest.Loops.Where(loop => !loop.Blocks.Overlaps(changed)))
        {
            int size = Math.Max(1, loop.InstructionCount);
            int most = UsesLocalArray(loop) ? _options.LocalArrayUnrollBudget : _options.FullUnrollBudget;
            int budget = Math.Min(most, _options.FunctionBudget - _size);
            if (budget >= size && MayBeCopied(loop) && TripCount.Of(loop, forest.Tree, budget / size) is var (exit, turn))
            {
                Unroll(loop, exit, turn, forest.Tree);
                changed.UnionWith(loop.Blocks);
                _size += turn * size;
            }
        }

        BranchSimplification.RemoveUnreachable(_function);
        ReplaceUsesAfterLoops();
        return changed.Count > 0;
    }

    private static bool UsesLocalArray(Loop loop) => loop.Blocks.SelectMany(block => block.Instructions).Any(
        instruction => instruction.Op is Op.Load or Op.Store && instruction.Operands[0].Type.Space == AddressSpace.Local);

    // an allocation is one piece of memory for each instruction: a copy would be another
    private static bool MayBeCopied(Loop loop) =>
        !loop.Blocks.SelectMany(block => block.Instructions).Any(instruction => instruction.Op is Op.AllocateLocal or Op.AllocateShared);

    private void Unroll(Loop loop, IrBlock exit, int lastTurn, DominatorTree tree)
    {
        List<IrBlock> order = [.. tree.ReversePostorder.Where(loop.Blocks.Contains)];
        IrBlock latch = loop.Latches[0];
        Jump into = ((Goto)loop.Preheader!.Terminator!).Target;
        int position = _function.Blocks.IndexOf(loop.Header);
        _function.Blocks.RemoveAll(loop.Blocks.Contains);
        var added = new List<IrBlock>();
        List<LoopCopy> turns = Record(loop);
        for (int turn = 0; turn <= lastTurn; turn++)
        {
            var copy = new LoopCopy(loop, order);
            into.Block = copy.Of(loop.Header);
            added.AddRange(copy.Blocks);
            turns.Add(copy);

            // the last copy's jump back is never reached
            into = copy.Of(latch).Successors.First(jump => jump.Block == copy.Of(loop.Header));
            var branch = (Branch)copy.Of(exit).Terminator!;
            bool stays = turn < lastTurn;
            bool leavesIfTrue = !loop.Blocks.Contains(((Branch)exit.Terminator!).IfTrue.Block);
            copy.Of(exit).Terminator = new Goto(stays == leavesIfTrue ? branch.IfFalse : branch.IfTrue);
        }

        _function.Blocks.InsertRange(Math.Min(position, _function.Blocks.Count), added);
    }

    private List<LoopCopy> Record(Loop loop)
    {
        var turns = new List<LoopCopy>();
        foreach (IrBlock block in loop.Blocks)
        {
            block.Parameters.ForEach(value => _unrolled.Add(value, (block, turns)));
            block.Instructions.ForEach(value => _unrolled.Add(value, (block, turns)));
        }

        return turns;
    }

    // what stands after a loop uses a value of the turn that it came from
    private void ReplaceUsesAfterLoops()
    {
        if (_unrolled.Count == 0)
        {
            return;
        }

        var flow = new ControlFlow(_function);
        var variables = new Dictionary<IrValue, SsaVariable>();
        IrValue At(IrBlock block, IrValue value)
        {
            if (!_unrolled.TryGetValue(value, out var origin))
            {
                return value;
            }

            if (!variables.TryGetValue(value, out SsaVariable? variable))
            {
                variables.Add(value, variable = new(flow, value.Type));
                origin.Turns.ForEach(turn => variable.Assign(turn.Of(origin.Block), turn.Of(value)));
            }

            return variable.AtStart(block);
        }

        foreach (IrBlock block in _function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                for (int i = 0; i < instruction.Operands.Length; i++)
                {
                    instruction.Operands[i] = At(block, instruction.Operands[i]);
                }
            }

            // arguments that reading adds are values that stand, so only those here now are looked at
            foreach (Jump jump in block.Successors)
            {
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    IrValue value = At(block, jump.Arguments[i]);
                    jump.Arguments[i] = value;
                }
            }

            if (block.Terminator is Branch branch)
            {
                branch.Condition = At(block, branch.Condition);
            }
        }

        flow.PlaceUndefined();
    }
}
