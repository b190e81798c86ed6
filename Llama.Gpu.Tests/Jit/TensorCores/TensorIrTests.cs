using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using Llama.Gpu.Tests.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Tensor cores and asynchronous copies in the IR: text, types, and what passes may not do with them.</summary>
public sealed class TensorIrTests
{
    private const string Everything =
        """
        kernel K(data: ptr.global, n: i32)
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: ptr.shared = allocateshared 512
            asynccopy 16 %2, %0, %1
            asynccommit
            asyncwait 0
            barrier
            %3: i32x4 = loadmatrix %2
            %4: i32x2 = loadmatrix transposed %2
            %5: f32 = constant 0
            %6: f32x4 = buildvector %5, %5, %5, %5
            %7: f32x4 = matrixmultiply bfloat16 %3, %4, %6
            %8: f32x4 = matrixmultiply half %3, %4, %7
            store align 16 %0, %8
            return

        """;

    [Test]
    public void Text_reads_back_as_it_was_written()
    {
        IrFunction function = IrText.Parse(Everything);
        Assert.That(() => IrVerifier.Check(function, "reading"), Throws.Nothing);
        Assert.That(IrPrinter.Print(function), Is.EqualTo(Everything));
    }

    [TestCase("asynccopy 16 %2, %0, %1", "asynccopy 12 %2, %0, %1")]
    [TestCase("asynccopy 16 %2, %0, %1", "asynccopy 16 %0, %0, %1")]
    [TestCase("asynccopy 16 %2, %0, %1", "asynccopy 16 %2, %2, %1")]
    [TestCase("asyncwait 0", "asyncwait 8")]
    [TestCase("%3: i32x4 = loadmatrix %2", "%3: i32x4 = loadmatrix %0")]
    [TestCase("bfloat16 %3, %4, %6", "bfloat16 %3, %3, %6")]
    [TestCase("bfloat16 %3, %4, %6", "bfloat16 %4, %4, %6")]
    public void Wrong_types_are_found_by_the_verifier(string right, string wrong) => Assert.That(
        () => IrVerifier.Check(IrText.Parse(Everything.Replace(right, wrong, StringComparison.Ordinal)), "reading"), Throws.TypeOf<IrException>());

    [Test]
    public void Pipeline_keeps_every_operation_in_its_place()
    {
        IrFunction function = IrText.Parse(Everything);
        PassPipeline.Run(function, new PassOptions { Verify = true });
        Assert.That(function.Instructions.Where(instruction => instruction.HasEffect).Select(instruction => instruction.Op), Is.EqualTo(new[]
        {
            Op.AsyncCopy, Op.AsyncCommit, Op.AsyncWait, Op.Barrier, Op.LoadMatrix, Op.LoadMatrix, Op.MatrixMultiply, Op.MatrixMultiply, Op.Store,
        }));
    }

    // with another effect in between, two loads of shared memory stay two
    [TestCase("asyncwait 0")]
    [TestCase("asynccopy 4 %1, %0, %2")]
    public void A_load_is_not_known_any_more_after(string between) => PassCheck.Stays(CommonSubexpressions.Run, $"""
        b0():
            %0: ptr.global = parameter 0
            %1: ptr.shared = allocateshared 64
            %2: i32 = load align 4 %1
            {between}
            %3: i32 = load align 4 %1
            %4: i32 = sub %2, %3
            store align 4 %0, %4
            return

        """);

    [Test]
    public void A_load_of_other_memory_than_the_copy_writes_is_still_known() => PassCheck.Becomes(
        CommonSubexpressions.Run,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: ptr.shared = allocateshared 64
            %2: i64 = constant 16
            %3: ptr.shared = offset %1, %2
            %4: i32 = load align 4 %1
            asynccopy 4 %3, %0, %4
            %5: i32 = load align 4 %1
            %6: i32 = sub %4, %5
            store align 4 %0, %6
            return

        """,
        """
        b0():
            %0: ptr.global = parameter 0
            %1: ptr.shared = allocateshared 64
            %2: i64 = constant 16
            %3: ptr.shared = offset %1, %2
            %4: i32 = load align 4 %1
            asynccopy 4 %3, %0, %4
            %6: i32 = sub %4, %4
            store align 4 %0, %6
            return

        """);

    [Test]
    public void Stores_are_not_joined_across_what_reads_them() => Assert.Multiple(() =>
    {
        PassCheck.Stays(MemoryWidening.Run, """
            b0():
                %0: ptr.global = parameter 0
                %1: ptr.shared = allocateshared 64
                %2: i64 = constant 4
                %3: ptr.shared = offset %1, %2
                %4: i32 = parameter 1
                store align 4 %1, %4
                %5: i32 = loadmatrix %1
                store align 4 %3, %4
                store align 4 %0, %5
                return

            """);
        PassCheck.Stays(
            MemoryWidening.Run,
            """
            b0():
                %0: ptr.global = parameter 0
                %1: ptr.shared = allocateshared 64
                %2: i64 = constant 4
                %3: ptr.global = offset %0, %2
                %4: i32 = parameter 1
                store align 4 %0, %4
                asynccopy 16 %1, %0, %4
                store align 4 %3, %4
                return

            """,
            new PassOptions { Multiples = new Dictionary<int, int> { [0] = 16 } });
    });

    [Test]
    public void A_load_that_a_loop_waits_for_stays_in_it()
    {
        IrFunction function = PassCheck.Parse("""
            b0():
                %0: ptr.global = parameter 0
                %1: ptr.shared = allocateshared 64
                %2: i32 = parameter 1
                %3: i32 = constant 0
                %4: i32 = constant 1
                goto b1(%3, %3)
            b1(%5: i32, %6: i32):
                asyncwait 0
                %7: i32 = load align 4 %1
                %8: i32 = add %6, %7
                %9: i32 = add %5, %4
                %10: i1 = lt %9, %2
                if %10 goto b1(%9, %8) else b2(%8)
            b2(%11: i32):
                store align 4 %0, %11
                return

            """);
        LoopInvariants.Run(function, new PassOptions());
        Assert.That(
            function.Blocks.Single(block => block.Instructions.Exists(instruction => instruction.Op == Op.AsyncWait)).Instructions.Select(instruction => instruction.Op),
            Does.Contain(Op.Load));
    }
}
