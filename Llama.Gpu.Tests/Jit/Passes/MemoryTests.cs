using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>Locals, address spaces, addresses and widening.</summary>
public sealed class MemoryTests
{
    private static readonly PassOptions Aligned = new() { Multiples = new Dictionary<int, int> { [0] = 16 } };

    [Test]
    public void A_local_array_with_constant_indices_becomes_values() => PassCheck.Becomes(
        (function, options) =>
        {
            LocalsToRegisters.Run(function, options);
            CopyPropagation.Run(function, options);
        },
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: ptr.local = allocatelocal 8
            %3: i64 = constant 4
            %4: ptr.local = offset %2, %3
            %5: i1 = parameter 4
            store align 4 %2, %1
            store align 4 %4, %1
            if %5 goto b1() else b2()
        b1():
            %6: i32 = neg %1
            store align 4 %4, %6
            goto b2()
        b2():
            %7: i32 = load align 4 %2
            %8: i32 = load align 4 %4
            %9: i32 = sub %7, %8
            store align 4 %0, %9
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %5: i1 = parameter 4
            if %5 goto b1() else b2(%1)
        b1():
            %6: i32 = neg %1
            goto b2(%6)
        b2(%8: i32):
            %9: i32 = sub %1, %8
            store align 4 %0, %9
            return
        """);

    [Test]
    public void A_cell_that_is_read_as_another_type_has_the_same_bits() => PassCheck.Becomes(
        LocalsToRegisters.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: f32 = parameter 2
            %2: ptr.local = allocatelocal 4
            store align 4 %2, %1
            %3: i32 = load align 4 %2
            store align 4 %0, %3
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: f32 = parameter 2
            %3: i32 = bitcast %1
            store align 4 %0, %3
            return
        """);

    [TestCase("%4: i64 = parameter 3", Description = "an index that varies")]
    [TestCase("%4: i64 = constant 2", Description = "cells that overlap")]
    [TestCase("%4: i64 = constant 6", Description = "a cell beyond the end")]
    public void A_local_array_stays_where_an_index_says_too_little(string index) => PassCheck.Stays(
        LocalsToRegisters.Run,
        $"""
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: ptr.local = allocatelocal 8
            {index}
            %5: ptr.local = offset %2, %4
            store align 4 %2, %1
            store align 4 %5, %1
            %6: i32 = load align 4 %2
            store align 4 %0, %6
            return
        """);

    [Test]
    public void Pointers_take_the_memory_of_what_they_are_made_of() => PassCheck.Becomes(
        AddressSpaces.Run,
        """
        b0():
            %0: ptr.shared = allocateshared 16
            %1: i64 = constant 4
            %2: ptr = undefined
            %3: i32 = constant 1
            goto b1(%2, %2)
        b1(%4: ptr, %5: ptr):
            %6: ptr.shared = offset %0, %1
            store align 4 %6, %3
            %7: i1 = eq %5, %2
            if %7 goto b2(%6) else b1(%4, %5)
        b2(%8: ptr):
            %9: ptr = offset %8, %1
            store align 4 %9, %3
            return
        """,
        """
        b0():
            %0: ptr.shared = allocateshared 16
            %1: i64 = constant 4
            %2: ptr.global = undefined
            %3: i32 = constant 1
            goto b1(%2, %2)
        b1(%4: ptr.global, %5: ptr.global):
            %6: ptr.shared = offset %0, %1
            store align 4 %6, %3
            %7: i1 = eq %5, %2
            if %7 goto b2(%6) else b1(%4, %5)
        b2(%8: ptr.shared):
            %9: ptr.shared = offset %8, %1
            store align 4 %9, %3
            return
        """);

    [TestCase("JIT0101")]
    public void A_pointer_into_one_of_two_memories_is_an_error_with_a_number(string number)
    {
        IrFunction function = IrText.Parse("""
            kernel K(data: ptr.global, truth: i1)
            b0():
                %0: ptr.global = parameter 0
                %1: ptr.shared = allocateshared 16
                %2: i1 = parameter 1
                if %2 goto b1(%0) else b1(%1)
            b1(%3: ptr):
                %4: i32 = load align 4 %3
                store align 4 %0, %4
                return
            """);
        Assert.That(
            () => AddressSpaces.Run(function, new PassOptions()),
            Throws.TypeOf<KernelCompilationException>().With.Property("Number").EqualTo(number).And.Message.Contains("global or in shared"));
    }

    [TestCase("JIT0102")]
    public void An_access_through_a_view_of_nothing_is_an_error_with_a_number(string number)
    {
        IrFunction function = IrText.Parse("""
            kernel K(truth: i1)
            b0():
                %0: ptr = undefined
                %1: i32 = load align 4 %0
                return
            """);
        Assert.That(
            () => AddressSpaces.Run(function, new PassOptions()),
            Throws.TypeOf<KernelCompilationException>().With.Property("Number").EqualTo(number));
    }

    [Test]
    public void Constants_of_an_address_are_gathered_at_its_end() => PassCheck.Becomes(
        (function, options) =>
        {
            AddressArithmetic.Run(function, options);
            DeadCode.Run(function, options);
        },
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant 3
            %3: i32 = add %1, %2
            %4: i64 = signextend %3
            %5: i64 = constant 4
            %6: i64 = mul %4, %5
            %7: ptr.global = offset %0, %5
            %8: ptr.global = offset %7, %6
            store align 4 %8, %1
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %3: i32 = constant 2
            %2: i64 = signextend %1
            %4: i64 = shl %2, %3
            %5: ptr.global = offset %0, %4
            %6: i64 = constant 16
            %7: ptr.global = offset %5, %6
            store align 4 %7, %1
            return
        """);

    [TestCase("-3", "signextend")]
    [TestCase("3", "zeroextend")]
    public void A_constant_that_may_have_wrapped_stays_under_its_extension(string constant, string extension) => PassCheck.Stays(
        AddressArithmetic.Run,
        $"""
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: i32 = constant {constant}
            %3: i32 = add %1, %2
            %4: i64 = {extension} %3
            %5: ptr.global = offset %0, %4
            store align 1 %5, %1
            return
        """);

    [Test]
    public void Neighbouring_loads_and_stores_become_wide_ones() => PassCheck.Becomes(
        MemoryWidening.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = constant 4
            %2: ptr.global = offset %0, %1
            %3: ptr.shared = allocateshared 16
            %4: ptr.shared = offset %3, %1
            %5: f32 = load align 4 %2
            %6: f32 = load align 4 %0
            store align 4 %3, %5
            store align 4 %4, %6
            return
        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = constant 4
            %2: ptr.global = offset %0, %1
            %3: ptr.shared = allocateshared 16
            %4: ptr.shared = offset %3, %1
            %10: i64 = constant 0
            %11: ptr.global = offset %0, %10
            %12: f32x2 = load align 8 %11
            %5: f32 = extract 1 %12
            %6: f32 = extract 0 %12
            %13: i64 = constant 0
            %14: ptr.shared = offset %3, %13
            %15: f32x2 = buildvector %5, %6
            store align 8 %14, %15
            return
        """,
        Aligned);

    [TestCase("streamed ", "streamed ", "streamed ")]
    [TestCase("streamed ", "", "")]
    public void A_wide_load_is_streamed_if_all_of_it_is(string first, string second, string wide) => PassCheck.Becomes(
        MemoryWidening.Run,
        $"""
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = constant 4
            %2: ptr.global = offset %0, %1
            %5: f32 = load {second}align 4 %2
            %6: f32 = load {first}align 4 %0
            %7: f32 = add %5, %6
            store align 4 %0, %7
            return
        """,
        $"""
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = constant 4
            %2: ptr.global = offset %0, %1
            %10: i64 = constant 0
            %11: ptr.global = offset %0, %10
            %12: f32x2 = load {wide}align 8 %11
            %5: f32 = extract 1 %12
            %6: f32 = extract 0 %12
            %7: f32 = add %5, %6
            store align 4 %0, %7
            return
        """,
        Aligned);

    [Test]
    public void A_store_between_keeps_loads_apart() => PassCheck.Stays(
        MemoryWidening.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: i64 = constant 4
            %2: ptr.global = offset %0, %1
            %3: f32 = load align 4 %0
            store align 4 %2, %3
            %4: f32 = load align 4 %2
            store align 4 %0, %4
            return
        """,
        Aligned);

    [TestCase(16, 4, 4)]
    [TestCase(8, 4, 2)]
    [TestCase(4, 4, 1)]
    [TestCase(16, 2, 2)]
    [TestCase(16, 1, 1)]
    public void Loads_are_as_wide_as_the_alignment_that_is_known(int pointer, int index, int width)
    {
        // data[n * index .. + 4], n a multiple of nothing that is known
        IrFunction function = PassCheck.Parse($"""
            b0():
                %0: ptr.global = parameter 0
                %1: i32 = parameter 1
                %2: i32 = constant {index}
                %3: i32 = mul %1, %2
                %4: i64 = signextend %3
                %5: i64 = constant 4
                %6: i64 = mul %4, %5
                %7: ptr.global = offset %0, %6
                %8: f32 = load align 4 %7
                %9: ptr.global = offset %7, %5
                %10: f32 = load align 4 %9
                %11: ptr.global = offset %9, %5
                %12: f32 = load align 4 %11
                %13: ptr.global = offset %11, %5
                %14: f32 = load align 4 %13
                return
            """);
        MemoryWidening.Run(function, new PassOptions { Multiples = new Dictionary<int, int> { [0] = pointer } });
        IrVerifier.Check(function, "widening");
        Assert.That(function.Instructions.Where(instruction => instruction.Op == Op.Load).Select(load => load.Type.Width), Is.All.EqualTo(width));
    }

    [Test]
    public void An_address_that_steps_around_a_loop_keeps_its_alignment()
    {
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: i64 = constant 64
                %2: i64 = parameter 3
                goto b1(%1)
            b1(%3: i64):
                %4: ptr.global = offset %0, %3
                %5: i64 = constant 48
                %6: i64 = add %3, %5
                %7: i1 = lt %6, %2
                if %7 goto b1(%6) else b2()
            b2():
                return
            """);
        Assert.That(new Alignment(function, Aligned).Zeros(function.Blocks[1].Instructions[0]), Is.EqualTo(4));
    }
}
