using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Products of warp groups in the IR: text, types, and that passes leave them where they are.</summary>
public sealed class WarpGroupIrTests
{
    private const string Products =
        """
        kernel K(data: ptr.global, word: i32)
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 1
            %2: ptr.local = allocatelocal 256
            %3: ptr.shared = allocateshared 32768
            %4: i32x4 = buildvector %1, %1, %1, %1
            %5: i1 = constant 1
            warpgroupfence
            warpgroupmultiply half.n128 %2, %3, %3, %5
            warpgroupmultiplyheld bfloat16.n128.16384 %2, %4, %3, %5
            warpgroupcommit
            warpgroupwait 0
            %6: f32 = load align 4 %2
            store align 4 %0, %6
            return

        """;

    [Test]
    public void Text_reads_back_as_it_was_written()
    {
        IrFunction function = IrText.Parse(Products);
        Assert.That(() => IrVerifier.Check(function, "reading"), Throws.Nothing);
        Assert.That(IrPrinter.Print(function), Is.EqualTo(Products));
    }

    [TestCase("half.n128 %2, %3, %3", "half.n96 %2, %3, %3")]
    [TestCase("half.n128 %2, %3, %3", "half.n128 %3, %3, %3")]
    [TestCase("half.n128 %2, %3, %3", "half.n128 %2, %4, %3")]
    [TestCase("half.n128 %2, %3, %3", "half.n128.16384 %2, %3, %3")]
    [TestCase("n128.16384 %2, %4, %3, %5", "n128 %2, %4, %3, %5")]
    [TestCase("n128.16384 %2, %4, %3, %5", "n128.262144 %2, %4, %3, %5")]
    [TestCase("n128.16384 %2, %4, %3, %5", "n128.16384 %2, %3, %3, %5")]
    [TestCase("n128.16384 %2, %4, %3, %5", "n128.16384 %2, %4, %2, %5")]
    [TestCase("n128.16384 %2, %4, %3, %5", "n128.16384 %2, %4, %3, %1")]
    public void Wrong_types_are_found_by_the_verifier(string right, string wrong) => Assert.That(
        () => IrVerifier.Check(IrText.Parse(Products.Replace(right, wrong, StringComparison.Ordinal)), "reading"), Throws.TypeOf<IrException>());

    [Test]
    public void Pipeline_keeps_every_operation_and_the_sums_in_their_place()
    {
        IrFunction function = IrText.Parse(Products);
        PassPipeline.Run(function, new PassOptions { Verify = true });
        Assert.That(
            function.Instructions.Where(instruction => instruction.HasEffect || instruction.Op == Op.Load).Select(instruction => instruction.Op),
            Is.EqualTo(new[]
            {
                Op.WarpGroupFence, Op.WarpGroupMultiply, Op.WarpGroupMultiplyHeld, Op.WarpGroupCommit, Op.WarpGroupWait, Op.Load, Op.Store,
            }));
    }
}
