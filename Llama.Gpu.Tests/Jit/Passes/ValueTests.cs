using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>Dead code, copies and common subexpressions.</summary>
public sealed class ValueTests
{
    [Test]
    public void Values_that_only_keep_each_other_alive_around_a_loop_are_removed() => PassCheck.Becomes(
        DeadCode.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 1
            %2: i32 = parameter 1
            goto b1(%1, %1)
        b1(%3: i32, %4: i32):
            %5: i32 = mul %4, %2
            %6: i32 = add %3, %1
            %7: i1 = lt %6, %2
            if %7 goto b1(%6, %5) else b2()
        b2():
            store align 4 %0, %6
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = constant 1
            %2: i32 = parameter 1
            goto b1(%1)
        b1(%3: i32):
            %6: i32 = add %3, %1
            %7: i1 = lt %6, %2
            if %7 goto b1(%6) else b2()
        b2():
            store align 4 %0, %6
            return
        """);

    [Test]
    public void A_parameter_that_always_gets_one_value_is_that_value() => PassCheck.Becomes(
        CopyPropagation.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            goto b1(%1, %1)
        b1(%2: i32, %3: i32):
            %4: i32 = add %2, %3
            %5: i1 = lt %4, %3
            if %5 goto b1(%2, %4) else b2(%2)
        b2(%6: i32):
            store align 4 %0, %6
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            goto b1(%1)
        b1(%3: i32):
            %4: i32 = add %1, %3
            %5: i1 = lt %4, %3
            if %5 goto b1(%4) else b2()
        b2():
            store align 4 %0, %1
            return
        """);

    [Test]
    public void A_scalar_of_a_vector_just_built_is_the_scalar() => PassCheck.Becomes(
        CopyPropagation.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 5
            %3: i32x2 = buildvector %2, %1
            %4: i32 = extract 1 %3
            store align 4 %0, %4
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 5
            %3: i32x2 = buildvector %2, %1
            store align 4 %0, %1
            return
        """);

    [Test]
    public void A_value_computed_in_a_dominating_block_is_not_computed_again() => PassCheck.Becomes(
        CommonSubexpressions.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 3
            %3: i32 = add %1, %2
            %4: i1 = lt %3, %1
            if %4 goto b1() else b2()
        b1():
            %5: i32 = constant 3
            %6: i32 = add %5, %1
            store align 4 %0, %6
            return
        b2():
            %7: i32 = sub %1, %2
            store align 4 %0, %7
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 3
            %3: i32 = add %1, %2
            %4: i1 = lt %3, %1
            if %4 goto b1() else b2()
        b1():
            store align 4 %0, %3
            return
        b2():
            %7: i32 = sub %1, %2
            store align 4 %0, %7
            return
        """);

    [Test]
    public void Values_of_sibling_blocks_stay_apart() => PassCheck.Stays(
        CommonSubexpressions.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i1 = parameter 4
            if %2 goto b1() else b2()
        b1():
            %3: i32 = neg %1
            store align 4 %0, %3
            return
        b2():
            %4: i32 = neg %1
            store align 4 %0, %4
            return
        """);

    [Test]
    public void A_load_counts_as_known_until_something_may_write_there() => PassCheck.Becomes(
        CommonSubexpressions.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = parameter 3
            %2: ptr.global = offset %0, %1
            %3: ptr.shared = allocateshared 64
            %4: i32 = load align 4 %2
            store align 4 %3, %4
            %5: i32 = load align 4 %2
            store align 4 %0, %5
            %6: i32 = load align 4 %2
            store align 4 %3, %6
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = parameter 3
            %2: ptr.global = offset %0, %1
            %3: ptr.shared = allocateshared 64
            %4: i32 = load align 4 %2
            store align 4 %3, %4
            store align 4 %0, %4
            %6: i32 = load align 4 %2
            store align 4 %3, %6
            return
        """);

    [Test]
    public void What_a_store_has_written_is_not_read_again_before_a_barrier() => PassCheck.Becomes(
        CommonSubexpressions.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: ptr.shared = allocateshared 64
            %2: f32 = parameter 2
            store align 4 %1, %2
            %3: f32 = load align 4 %1
            store align 4 %0, %3
            barrier
            %4: f32 = load align 4 %1
            store align 4 %0, %4
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: ptr.shared = allocateshared 64
            %2: f32 = parameter 2
            store align 4 %1, %2
            store align 4 %0, %2
            barrier
            %4: f32 = load align 4 %1
            store align 4 %0, %4
            return
        """);
}
