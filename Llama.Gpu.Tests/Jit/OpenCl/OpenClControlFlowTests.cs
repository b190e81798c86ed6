using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>Any reducible control flow as nested loops and branches: random functions against the interpreter.</summary>
public sealed class OpenClControlFlowTests
{
    private const int Lanes = 64;

    [Test]
    public void Random_control_flow_takes_the_course_of_the_interpreter([Range(0, 23)] int seed)
    {
        IrFunction function = RandomFunction(seed);
        byte[] input = OpenClRun.Bytes([.. Enumerable.Range(0, Lanes).Select(i => i * 1_640_531_527)]);
        byte[] expected = [.. input, .. new byte[Lanes * 8]];
        for (int lane = 0; lane < Lanes; lane++)
        {
            var interpreter = new LaneInterpreter(function, expected) { BuiltIns = { [BuiltIn.LaneX] = lane, [BuiltIn.GroupDimX] = Lanes } };
            interpreter.Run(LaneInterpreter.Global(0), LaneInterpreter.Global(Lanes * 4));
        }

        byte[] found = OpenClRun.Run(function, (1, Lanes), input, new byte[Lanes * 8])[1];
        Assert.That(OpenClRun.As<int>(found), Is.EqualTo(OpenClRun.As<int>(expected[(Lanes * 4)..])));
    }

    // Blocks jump forward as they like and back to blocks that dominate them while there is fuel. All carry two numbers, which
    // every block changes in its own way and with what the block before it in the dominator tree has made.
    private static IrFunction RandomFunction(int seed)
    {
        var random = new Random(seed);
        var builder = new IrBuilder($"Random{seed}");
        IrValue input = builder.Pointer("input");
        IrValue output = builder.Pointer("output");
        IrValue index = builder.GlobalIndex();
        IrValue start = builder.Load(builder.Element(input, IrType.I32, index), IrType.I32);

        int count = random.Next(4, 14);
        IrBlock entry = builder.Block;
        IrBlock[] blocks = [entry, .. Enumerable.Range(1, count).Select(_ => builder.NewBlock(IrType.I32, IrType.I32, IrType.I32))];
        List<int>[] forward = Shape(random, blocks.Length);
        int[] dominators = ImmediateDominators(forward);

        var made = new IrValue[blocks.Length];
        made[0] = start;
        IrValue fuel = builder.Constant(IrType.I32, 40);
        for (int i = 0; i < blocks.Length; i++)
        {
            builder.Block = blocks[i];
            IrValue x = i == 0 ? start : blocks[i].Parameters[0];
            IrValue y = i == 0 ? index : blocks[i].Parameters[1];
            IrValue left = i == 0 ? fuel : blocks[i].Parameters[2];
            IrValue mixed = builder.Add(Op.Add, IrType.I32, builder.Add(Op.Mul, IrType.I32, x, builder.Constant(IrType.I32, 31)), builder.Constant(IrType.I32, i));
            made[i] = builder.Add(Op.Xor, IrType.I32, mixed, i == 0 ? y : made[dominators[i]]);
            IrValue less = builder.Add(Op.Sub, IrType.I32, left, builder.Constant(IrType.I32, 1));

            // half of the jumps swap the two numbers
            IrValue[] arguments = random.Next(2) == 0 ? [made[i], y, less] : [y, made[i], less];
            IrValue[] swapped = i == 0 ? arguments : [y, x, less];
            int bit = random.Next(4, 28);
            IrValue test = builder.Add(Op.And, IrType.I32, made[i], builder.Constant(IrType.I32, 1L << bit));
            IrValue condition = builder.Add(Op.Ne, IrType.I1, test, builder.Constant(IrType.I32, 0));
            int back = BackTarget(random, i, dominators);
            if (forward[i].Count < 2 && back > 0)
            {
                IrValue hasFuel = builder.Add(Op.Lt, IrType.I1, builder.Constant(IrType.I32, 0), left);
                condition = builder.Add(Op.And, IrType.I1, condition, hasFuel);
                IrBlock exit = forward[i].Count == 1 ? blocks[forward[i][0]] : End(builder, output, index);
                builder.Block = blocks[i];
                IrValue[] leaving = exit.Parameters.Count == 3 ? arguments : [made[i], y];
                builder.Block.Terminator = new Branch(condition, new Jump(blocks[back], swapped), new Jump(exit, leaving));
            }
            else if (forward[i].Count == 2)
            {
                builder.Block.Terminator = new Branch(condition, new Jump(blocks[forward[i][0]], arguments), new Jump(blocks[forward[i][1]], swapped));
            }
            else if (forward[i].Count == 1)
            {
                builder.Goto(blocks[forward[i][0]], arguments);
            }
            else
            {
                IrBlock end = End(builder, output, index);
                builder.Block = blocks[i];
                builder.Goto(end, made[i], y);
            }
        }

        IrVerifier.Check(builder.Function, "the test");
        return builder.Function;
    }

    private static IrBlock End(IrBuilder builder, IrValue output, IrValue index)
    {
        IrBlock end = builder.NewBlock(IrType.I32, IrType.I32);
        builder.Block = end;
        builder.Store(builder.Element(output, IrType.I32, index), end.Parameters[0]);
        IrValue second = builder.Add(Op.Add, IrType.I32, index, builder.Constant(IrType.I32, Lanes));
        builder.Store(builder.Element(output, IrType.I32, second), end.Parameters[1]);
        end.Terminator = new Return();
        return end;
    }

    // each block but the first has a way in from an earlier one; at most two ways out
    private static List<int>[] Shape(Random random, int count)
    {
        var forward = Enumerable.Range(0, count).Select(_ => new List<int>()).ToArray();
        for (int i = 1; i < count; i++)
        {
            int[] free = [.. Enumerable.Range(0, i).Where(from => forward[from].Count < 2)];
            forward[free[random.Next(Math.Max(0, free.Length - 3), free.Length)]].Add(i);
        }

        for (int i = 0; i < count - 1; i++)
        {
            if (forward[i].Count < 2 && random.Next(2) == 0)
            {
                forward[i].Add(random.Next(i + 1, count));
            }
        }

        return forward;
    }

    private static int[] ImmediateDominators(List<int>[] forward)
    {
        var dominators = new int[forward.Length];
        Array.Fill(dominators, -1);
        dominators[0] = 0;
        for (int i = 0; i < forward.Length; i++)
        {
            foreach (int to in forward[i])
            {
                int a = i;
                int b = dominators[to] < 0 ? i : dominators[to];
                while (a != b)
                {
                    (a, b) = a > b ? (dominators[a], b) : (a, dominators[b]);
                }

                dominators[to] = a;
            }
        }

        return dominators;
    }

    // a block that dominates this one, itself included, but not the entry; 0 for none
    private static int BackTarget(Random random, int block, int[] dominators)
    {
        int target = block;
        for (int steps = random.Next(4); steps > 0 && target > 0; steps--)
        {
            target = dominators[target];
        }

        return random.Next(3) > 0 ? target : 0;
    }
}
