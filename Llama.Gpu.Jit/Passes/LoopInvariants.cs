using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Moves before a loop what is the same in every turn: pure operations that cannot fail, and, where the loop runs them in any case,
/// divisions, and loads of what nothing in the loop may write.
/// </summary>
internal static class LoopInvariants
{
    public static void Run(IrFunction function, PassOptions options)
    {
        LoopForest forest = LoopForest.Simplify(function);
        var home = new Dictionary<IrValue, IrBlock>();
        foreach (IrBlock block in function.Blocks)
        {
            block.Parameters.ForEach(parameter => home.Add(parameter, block));
            block.Instructions.ForEach(instruction => home.Add(instruction, block));
        }

        var order = forest.Tree.ReversePostorder.Select((block, index) => (block, index)).ToDictionary(pair => pair.block, pair => pair.index);
        foreach (Loop loop in forest.Loops)
        {
            Hoist(loop, forest.Tree, home, order);
        }
    }

    private static void Hoist(Loop loop, DominatorTree tree, Dictionary<IrValue, IrBlock> home, Dictionary<IrBlock, int> order)
    {
        IrBlock preheader = loop.Preheader!;
        List<IrBlock> mustPass = [.. loop.Exits().Select(exit => exit.Block), .. loop.Latches];
        List<Instruction> writers = [.. loop.Blocks.SelectMany(block => block.Instructions).Where(instruction => instruction.HasEffect)];
        foreach (IrBlock block in loop.Blocks.OrderBy(block => order[block]))
        {
            bool always = mustPass.TrueForAll(other => tree.Dominates(block, other));
            List<Instruction> instructions = block.Instructions;
            int kept = 0;
            for (int i = 0; i < instructions.Count; i++)
            {
                Instruction instruction = instructions[i];
                bool moves = Array.TrueForAll(instruction.Operands, operand => !loop.Blocks.Contains(home[operand]))
                    && MayMove(instruction, always, writers);
                if (moves)
                {
                    preheader.Instructions.Add(instruction);
                    home[instruction] = preheader;
                }
                else
                {
                    instructions[kept++] = instruction;
                }
            }

            instructions.RemoveRange(kept, instructions.Count - kept);
        }
    }

    private static bool MayMove(Instruction instruction, bool always, List<Instruction> writers) => instruction.Op switch
    {
        _ when instruction.HasEffect => false,
        Op.Load when !always => false,
        Op.Load => MemoryAccess.Of(instruction) is var access && !writers.Exists(writer => access.MayBeWrittenBy(writer)),
        Op.Div or Op.Rem or Op.DivU or Op.RemU when instruction.Type.IsInteger => always || IsSafeDivisor(instruction.Operands[1]),
        _ => true,
    };

    private static bool IsSafeDivisor(IrValue divisor) => ConstantEvaluator.IsConstant(divisor, out long value) && value is not (0 or -1);
}
