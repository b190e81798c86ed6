using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

public sealed class LoopTests
{
    // data[i]++ for i = 0, 1, ... below n
    private const string Copying = """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 0
            %2: i32 = constant 1
            %3: i32 = parameter 1
            %4: i64 = constant 4
            goto b1(%1)
        b1(%5: i32):
            %6: i1 = lt %5, %3
            if %6 goto b2() else b3()
        b2():
            %7: i64 = signextend %5
            %8: i64 = mul %7, %4
            %9: ptr.global = offset %0, %8
            %10: i32 = load align 4 %9
            %11: i32 = add %10, %2
            store align 4 %9, %11
            %12: i32 = add %5, %2
            goto b1(%12)
        b3():
            return
        """;

    [Test]
    public void Pure_values_leave_a_loop_but_not_loads_and_divisions_that_may_not_run() => PassCheck.Becomes(
        LoopInvariants.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 0
            %2: i32 = parameter 1
            goto b1(%1)
        b1(%3: i32):
            %4: i32 = mul %2, %2
            %5: i1 = lt %3, %4
            if %5 goto b2() else b3()
        b2():
            %6: i32 = div %4, %2
            %7: i32 = load align 4 %0
            %8: i32 = add %2, %4
            %9: i32 = add %8, %6
            %10: i32 = add %3, %7
            goto b1(%10)
        b3():
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 0
            %2: i32 = parameter 1
            %4: i32 = mul %2, %2
            %8: i32 = add %2, %4
            goto b1(%1)
        b1(%3: i32):
            %5: i1 = lt %3, %4
            if %5 goto b2() else b3()
        b2():
            %6: i32 = div %4, %2
            %7: i32 = load align 4 %0
            %9: i32 = add %8, %6
            %10: i32 = add %3, %7
            goto b1(%10)
        b3():
            return
        """);

    [Test]
    public void A_load_that_always_runs_leaves_a_loop_that_writes_elsewhere() => PassCheck.Becomes(
        LoopInvariants.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 0
            %2: ptr.shared = allocateshared 4
            goto b1(%1)
        b1(%3: i32):
            %4: i32 = load align 4 %0
            %5: i32 = load align 4 %2
            store align 4 %2, %3
            %6: i32 = add %3, %5
            %7: i1 = lt %6, %4
            if %7 goto b1(%6) else b2()
        b2():
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 0
            %2: ptr.shared = allocateshared 4
            %4: i32 = load align 4 %0
            goto b1(%1)
        b3():
            goto b1(%6)
        b1(%3: i32):
            %5: i32 = load align 4 %2
            store align 4 %2, %3
            %6: i32 = add %3, %5
            %7: i1 = lt %6, %4
            if %7 goto b3() else b2()
        b2():
            return
        """);

    [Test]
    public void A_loop_that_halves_its_counter_is_written_out()
    {
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: i32 = constant 16
                %2: i32 = constant 1
                %3: i32 = constant 0
                %4: f32 = parameter 2
                goto b1(%1, %4)
            b1(%5: i32, %6: f32):
                %7: i1 = lt %3, %5
                if %7 goto b2() else b3()
            b2():
                %8: f32 = shuffle %6, %5
                %9: f32 = add %6, %8
                %10: i32 = shr %5, %2
                goto b1(%10, %9)
            b3():
                store align 4 %0, %6
                return
            """);
        LoopUnrolling.Run(function, new PassOptions());
        IrVerifier.Check(function, "unrolling");
        Instruction[] shuffles = [.. function.Instructions.Where(instruction => instruction.Op == Op.Shuffle)];
        Assert.Multiple(() =>
        {
            Assert.That(function.Blocks, Has.Count.EqualTo(1));
            Assert.That(shuffles.Select(shuffle => ((Instruction)shuffle.Operands[1]).Immediate), Is.EqualTo(new long[] { 16, 8, 4, 2, 1 }));
        });
    }

    [TestCase(0, 0)]
    [TestCase(1, 1)]
    [TestCase(7, 1)]
    public void A_loop_with_a_way_out_in_its_middle_is_written_out(int n, int expected)
    {
        // breaks where n * i == n
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: i32 = constant 0
                %2: i32 = constant 1
                %3: i32 = constant 3
                %4: i32 = parameter 1
                goto b1(%1)
            b1(%5: i32):
                %6: i1 = lt %5, %3
                if %6 goto b2() else b4()
            b2():
                %7: i32 = mul %4, %5
                %8: i1 = eq %7, %4
                if %8 goto b4() else b3()
            b3():
                %9: i32 = add %5, %2
                goto b1(%9)
            b4():
                store align 4 %0, %5
                return
            """);
        LoopUnrolling.Run(function, new PassOptions());
        IrVerifier.Check(function, "unrolling");
        var memory = new byte[4];
        new LaneInterpreter(function, memory).Run(LaneInterpreter.Global(0), n, 0, 0, 0);
        Assert.Multiple(() =>
        {
            Assert.That(new LoopForest(function).Loops, Is.Empty);
            Assert.That(BitConverter.ToInt32(memory), Is.EqualTo(expected));
        });
    }

    [Test]
    public void A_loop_that_a_branch_leads_to_is_written_out()
    {
        // nothing stands between the outer loop's condition and the inner loop, which adds up 0, 1, 2
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: i32 = constant 0
                %2: i32 = constant 1
                %3: i32 = constant 3
                %4: i32 = parameter 1
                goto b1(%1, %1)
            b1(%5: i32, %6: i32):
                %7: i1 = lt %5, %4
                if %7 goto b2(%1, %6) else b5()
            b2(%8: i32, %9: i32):
                %10: i1 = lt %8, %3
                if %10 goto b3() else b4()
            b3():
                %11: i32 = add %9, %8
                %12: i32 = add %8, %2
                goto b2(%12, %11)
            b4():
                %13: i32 = add %5, %2
                goto b1(%13, %9)
            b5():
                store align 4 %0, %6
                return
            """);
        LoopUnrolling.Run(function, new PassOptions());
        IrVerifier.Check(function, "unrolling");
        var memory = new byte[4];
        new LaneInterpreter(function, memory).Run(LaneInterpreter.Global(0), 5, 0, 0, 0);
        Assert.Multiple(() =>
        {
            Assert.That(new LoopForest(function).Loops, Has.Count.EqualTo(1));
            Assert.That(BitConverter.ToInt32(memory), Is.EqualTo(15));
        });
    }

    [TestCase(2, 13)]
    [TestCase(5, 23)]
    public void A_loop_where_two_ways_meet_is_written_out(int n, int expected)
    {
        // both ways start the counter alike and the sum of 0, 1, 2 differently
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: i32 = constant 0
                %2: i32 = constant 1
                %3: i32 = constant 3
                %4: i32 = parameter 1
                %5: i32 = constant 10
                %6: i32 = constant 20
                %7: i1 = lt %4, %3
                if %7 goto b1() else b2()
            b1():
                goto b3(%1, %5)
            b2():
                goto b3(%1, %6)
            b3(%8: i32, %9: i32):
                %10: i1 = lt %8, %3
                if %10 goto b4() else b5()
            b4():
                %11: i32 = add %9, %8
                %12: i32 = add %8, %2
                goto b3(%12, %11)
            b5():
                store align 4 %0, %9
                return
            """);
        LoopUnrolling.Run(function, new PassOptions());
        IrVerifier.Check(function, "unrolling");
        var memory = new byte[4];
        new LaneInterpreter(function, memory).Run(LaneInterpreter.Global(0), n, 0, 0, 0);
        Assert.Multiple(() =>
        {
            Assert.That(new LoopForest(function).Loops, Is.Empty);
            Assert.That(BitConverter.ToInt32(memory), Is.EqualTo(expected));
        });
    }

    [Test]
    public void A_loop_beyond_the_budget_stays() => PassCheck.Stays(
        LoopUnrolling.Run, Copying.Replace("%3: i32 = parameter 1", "%3: i32 = constant 100", StringComparison.Ordinal), new PassOptions { FullUnrollBudget = 500 });

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(11)]
    [TestCase(-5)]
    public void A_partly_unrolled_loop_does_the_same_turns(int turns)
    {
        IrFunction function = PassCheck.Parse(Copying);
        PartialUnrolling.Run(function, new PassOptions());
        IrVerifier.Check(function, "unrolling");
        var memory = new byte[64];
        new LaneInterpreter(function, memory).Run(LaneInterpreter.Global(0), turns, 0, 0, 0);
        Assert.Multiple(() =>
        {
            Assert.That(function.Instructions.Count(instruction => instruction.Op == Op.Load), Is.EqualTo(5));
            Assert.That(Enumerable.Range(0, 16).Select(i => BitConverter.ToInt32(memory, 4 * i)), Is.EqualTo(Enumerable.Range(0, 16).Select(i => i < turns ? 1 : 0)));
        });
    }

    [TestCase(0, 1)]
    [TestCase(11, 1)]
    [TestCase(11, 3)]
    [TestCase(16, 2)]
    public void A_loop_that_counts_in_64_bits_by_a_step_of_32_does_the_same_turns(int bound, int step)
    {
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: i64 = constant 0
                %2: i32 = constant 1
                %3: i64 = parameter 3
                %4: i64 = constant 4
                %13: i32 = parameter 1
                %14: i64 = signextend %13
                goto b1(%1)
            b1(%5: i64):
                %6: i1 = lt %5, %3
                if %6 goto b2() else b3()
            b2():
                %8: i64 = mul %5, %4
                %9: ptr.global = offset %0, %8
                %10: i32 = load align 4 %9
                %11: i32 = add %10, %2
                store align 4 %9, %11
                %12: i64 = add %5, %14
                goto b1(%12)
            b3():
                return
            """);
        PartialUnrolling.Run(function, new PassOptions());
        IrVerifier.Check(function, "unrolling");
        var memory = new byte[64];
        new LaneInterpreter(function, memory).Run(LaneInterpreter.Global(0), step, 0, bound, 0);
        Assert.Multiple(() =>
        {
            Assert.That(function.Instructions.Count(instruction => instruction.Op == Op.Load), Is.EqualTo(5));
            Assert.That(Enumerable.Range(0, 16).Select(i => BitConverter.ToInt32(memory, 4 * i)), Is.EqualTo(Enumerable.Range(0, 16).Select(i => i < bound && i % step == 0 ? 1 : 0)));
        });
    }
}
