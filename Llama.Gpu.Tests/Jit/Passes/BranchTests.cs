using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

public sealed class BranchTests
{
    [Test]
    public void A_branch_by_a_constant_takes_its_unreachable_side_along() => PassCheck.Becomes(
        BranchSimplification.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 1
            %2: i1 = constant 0
            if %2 goto b1() else b2()
        b1():
            store align 4 %0, %1
            goto b2()
        b2():
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 1
            %2: i1 = constant 0
            return
        """);

    [Test]
    public void Ways_that_meet_at_once_become_a_selection() => PassCheck.Becomes(
        BranchSimplification.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 7
            %3: i1 = lt %1, %2
            if %3 goto b1() else b2()
        b1():
            goto b3(%1)
        b2():
            goto b3(%2)
        b3(%4: i32):
            store align 4 %0, %4
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 7
            %3: i1 = lt %1, %2
            %4: i32 = select %3, %1, %2
            store align 4 %0, %4
            return
        """);

    [Test]
    public void A_negated_condition_exchanges_the_ways() => PassCheck.Becomes(
        BranchSimplification.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i1 = parameter 4
            %3: i1 = not %2
            if %3 goto b1() else b2()
        b1():
            store align 4 %0, %1
            goto b2()
        b2():
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i1 = parameter 4
            %3: i1 = not %2
            if %2 goto b2() else b1()
        b1():
            store align 4 %0, %1
            goto b2()
        b2():
            return
        """);

    [Test]
    public void Blocks_that_lead_to_themselves_stay() => PassCheck.Stays(
        BranchSimplification.Run,
        """
        b0():
            %0: i1 = parameter 4
            if %0 goto b1() else b2()
        b1():
            goto b1()
        b2():
            return
        """);

    [Test]
    public void A_cheap_side_of_a_branch_is_computed_in_any_case() => PassCheck.Becomes(
        (function, options) =>
        {
            BranchFlattening.Run(function, options);
            BranchSimplification.Run(function, options);
        },
        """
        b0():
            %0: ptr.global = parameter 0
            %1: f32 = parameter 2
            %2: i1 = parameter 4
            if %2 goto b1() else b2(%1)
        b1():
            %3: f32 = mul %1, %1
            goto b2(%3)
        b2(%4: f32):
            store align 4 %0, %4
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: f32 = parameter 2
            %2: i1 = parameter 4
            %3: f32 = mul %1, %1
            %4: f32 = select %2, %3, %1
            store align 4 %0, %4
            return
        """);

    [TestCase("%3: i32 = load align 4 %0")]
    [TestCase("%3: i32 = div %1, %1")]
    public void A_side_that_may_fail_stays_behind_its_branch(string line) => PassCheck.Stays(
        BranchFlattening.Run,
        $"""
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i1 = parameter 4
            if %2 goto b1() else b2(%1)
        b1():
            {line}
            goto b2(%3)
        b2(%4: i32):
            store align 4 %0, %4
            return
        """);
}
