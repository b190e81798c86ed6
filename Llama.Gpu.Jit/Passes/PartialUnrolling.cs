using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Lets innermost counted loops with loads do several turns at once, so that several loads are under way: a loop of the copied body
/// runs while that many turns are left, the loop itself does the rest. Each turn computes what it did, in the same order.
/// </summary>
internal static class PartialUnrolling
{
    public static void Run(IrFunction function, PassOptions options)
    {
        int factor = options.PartialUnrollFactor;
        if (factor < 2)
        {
            return;
        }

        int size = function.Instructions.Count();
        LoopForest forest = LoopForest.Simplify(function);
        foreach (Loop loop in forest.Loops.Where(loop => loop.IsInnermost))
        {
            int added = loop.InstructionCount * factor;
            if (added <= options.PartialUnrollBudget && size + added <= options.FunctionBudget && Counter.Of(loop) is { } counter && IsSimple(loop))
            {
                size += added;
                Unroll(function, loop, counter, forest.Tree, factor);
            }
        }
    }

    private static bool IsSimple(Loop loop)
    {
        IEnumerable<Instruction> instructions = loop.Blocks.SelectMany(block => block.Instructions);
        return instructions.Any(instruction => instruction.Op == Op.Load)
            && !instructions.Any(instruction => (instruction.HasEffect && instruction.Op != Op.Store)
                || instruction.Op is Op.AllocateLocal or Op.AllocateShared)
            && loop.Exits().Take(2).Count() == 1;
    }

    private static void Unroll(IrFunction function, Loop loop, Counter counter, DominatorTree tree, int factor)
    {
        IrValue limit = counter.Limit(loop.Preheader!, factor);
        List<IrBlock> order = [.. tree.ReversePostorder.Where(loop.Blocks.Contains)];
        var added = new List<IrBlock>();
        Jump entry = ((Goto)loop.Preheader!.Terminator!).Target;
        IrBlock? main = null;
        Jump into = entry;
        for (int turn = 0; turn < factor; turn++)
        {
            var copy = new LoopCopy(loop, order);
            IrBlock head = copy.Of(loop.Header);
            into.Block = head;
            var branch = (Branch)head.Terminator!;
            if (main is null)
            {
                main = head;
                var enough = new Instruction(Op.Lt, IrType.I1, [copy.Of(counter.Value), limit], 0, counter.Source);
                head.Instructions.Add(enough);
                head.Terminator = new Branch(enough, branch.IfTrue, new Jump(loop.Header, [.. head.Parameters]));
            }
            else
            {
                head.Terminator = new Goto(branch.IfTrue);
            }

            added.AddRange(copy.Blocks);
            into = copy.Of(loop.Latches[0]).Successors.First(jump => jump.Block == head);
        }

        into.Block = main!;
        function.Blocks.InsertRange(function.Blocks.IndexOf(loop.Header), added);
    }

    /// <summary>A loop whose head goes on while a value that grows by the same step each turn is less than a bound.</summary>
    private sealed record Counter(BlockParameter Value, IrValue Bound, IrValue Step, SourcePoint Source)
    {
        public static Counter? Of(Loop loop)
        {
            if (loop.Header.Terminator is not Branch { Condition: Instruction { Op: Op.Lt } test } branch
                || !loop.Blocks.Contains(branch.IfTrue.Block)
                || loop.Blocks.Contains(branch.IfFalse.Block)
                || branch.IfTrue.Block == loop.Header
                || test.Operands[0] is not BlockParameter value
                || value.Block != loop.Header
                || loop.BackJump(loop.Latches[0]).Arguments[loop.Header.Parameters.IndexOf(value)] is not Instruction { Op: Op.Add } next)
            {
                return null;
            }

            IrValue step = next.Operands[0] == value ? next.Operands[1] : next.Operands[0];
            bool fits = value.Type == IrType.I32 || (value.Type == IrType.I64 && MostOf(step) is not null);
            return fits && next.Operands.Contains(value) && IsFixed(loop, step) && IsFixed(loop, test.Operands[1])
                ? new(value, test.Operands[1], step, test.Source)
                : null;
        }

        /// <summary>
        /// What the counter has to be less than for <paramref name="turns"/> turns to be left: the bound less all but one of the
        /// steps, computed without wrapping; for steps that are not positive, the least number there is.
        /// </summary>
        public Instruction Limit(IrBlock block, int turns)
        {
            Instruction Emit(Op op, IrType type, params IrValue[] operands)
            {
                var instruction = new Instruction(op, type, operands, 0, Source);
                block.Instructions.Add(instruction);
                return instruction;
            }

            Instruction Constant(IrType type, long value)
            {
                Instruction constant = Emit(Op.Constant, type);
                constant.Immediate = value;
                return constant;
            }

            if (MostOf(Step) is { } most)
            {
                // a bound so low that the steps would wrap below it leaves no turn
                Instruction least64 = Constant(IrType.I64, long.MinValue);
                IrValue bound = Copy(Bound, block);
                IrValue step = Copy(Step, block);
                Instruction ahead = Emit(Op.Mul, IrType.I64, step, Constant(IrType.I64, turns - 1));
                Instruction steps = Emit(Op.Lt, IrType.I1, Constant(IrType.I64, 0), step);
                Instruction room = Emit(Op.Le, IrType.I1, Constant(IrType.I64, long.MinValue + (most * (turns - 1))), bound);
                return Emit(Op.Select, IrType.I64, Emit(Op.And, IrType.I1, steps, room), Emit(Op.Sub, IrType.I64, bound, ahead), least64);
            }

            Instruction wideStep = Emit(Op.SignExtend, IrType.I64, Copy(Step, block));
            Instruction all = Emit(Op.Mul, IrType.I64, wideStep, Constant(IrType.I64, turns - 1));
            Instruction limit = Emit(Op.Sub, IrType.I64, Emit(Op.SignExtend, IrType.I64, Copy(Bound, block)), all);
            Instruction least = Constant(IrType.I64, int.MinValue);
            Instruction bounded = Emit(Op.Max, IrType.I64, limit, least);
            Instruction positive = Emit(Op.Lt, IrType.I1, Constant(IrType.I64, 0), wideStep);
            return Emit(Op.Truncation, IrType.I32, Emit(Op.Select, IrType.I64, positive, bounded, least));
        }

        // the most that a step of 64 bits can be, where that leaves room to compute with it
        private static long? MostOf(IrValue step) => step switch
        {
            _ when step.Type != IrType.I64 => null,
            Instruction { Op: Op.SignExtend } extended when extended.Operands[0].Type == IrType.I32 => int.MaxValue,
            _ when ConstantEvaluator.IsConstant(step, out long constant) && constant is > 0 and <= int.MaxValue => constant,
            _ => null,
        };

        // constants may stand within the loop: they are the same anywhere
        private static bool IsFixed(Loop loop, IrValue value) => value switch
        {
            Instruction { Op: Op.Constant } => true,
            BlockParameter parameter => !loop.Blocks.Contains(parameter.Block),
            Instruction instruction => !loop.Blocks.Any(block => block.Instructions.Contains(instruction)),
            _ => false,
        };

        private static IrValue Copy(IrValue value, IrBlock block)
        {
            if (value is not Instruction { Op: Op.Constant } constant)
            {
                return value;
            }

            var copy = new Instruction(Op.Constant, constant.Type, [], constant.Immediate, constant.Source);
            block.Instructions.Add(copy);
            return copy;
        }
    }
}
