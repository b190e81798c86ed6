using System.Reflection;
using System.Text.RegularExpressions;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.Ptx;
using Llama.Gpu.Tests.Kernels;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Products of warp groups as PTX: the text, what it means, and the machine code that NVIDIA's assembler makes of it.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class WarpGroupPtxTests
{
    private static readonly PtxTarget Target = PtxTarget.Parse("sm_90a");

    private static IEnumerable<string> KernelNames =>
        KernelCatalog.All.Where(kernel => kernel.Method.DeclaringType == typeof(WarpGroupMatMul)).Select(kernel => kernel.Name);

    [Test]
    public void Operations_read_as_expected()
    {
        var sketch = new IrSketch("Groups", IrType.Pointer(AddressSpace.Parameter), IrType.I32);
        Instruction tile = sketch.Add(Op.AllocateShared, IrType.Pointer(AddressSpace.Shared), 16384);
        Instruction barrier = sketch.Add(Op.AllocateShared, IrType.Pointer(AddressSpace.Shared), 8);
        Instruction sums = sketch.Add(Op.AllocateLocal, IrType.Pointer(AddressSpace.Local), 128);
        Instruction zero = sketch.Constant(IrType.I32, 0);
        sketch.Add(Op.AsyncBarrierInit, IrType.Void, barrier, sketch.Constant(IrType.I32, 8));
        sketch.Add(Op.AsyncBarrierArrive, IrType.Void, barrier, zero);
        sketch.Add(Op.AsyncBarrierArrive, IrType.Void, barrier, sketch.Constant(IrType.I32, 8192));
        sketch.Add(Op.TensorLoad, IrType.Void, tile, barrier, sketch.Parameter(0), sketch.Parameter(1), zero);
        sketch.Add(Op.AsyncBarrierWait, IrType.Void, barrier, zero);
        sketch.Add(Op.WarpGroupRegisters, IrType.Void, -40);
        sketch.Add(Op.WarpGroupRegisters, IrType.Void, 232);
        sketch.Add(Op.WarpGroupFenceStores, IrType.Void);
        sketch.Add(Op.WarpGroupFence, IrType.Void);
        sketch.Add(
            Op.WarpGroupMultiply, IrType.Void, new WarpGroupShape(MatrixElement.Half, 64).Immediate, sums, tile, tile, sketch.Constant(IrType.I1, 1));
        sketch.Add(Op.WarpGroupCommit, IrType.Void);
        sketch.Add(Op.WarpGroupWait, IrType.Void, 1);
        Instruction last = sketch.Load(IrType.F32, sketch.At(sums, 124), 4);
        sketch.Store(sums, last, 4);
        PtxKernel kernel = PtxEmitter.Emit(sketch.Return(), new PtxOptions(Target));
        string registers = string.Join(", ", Enumerable.Range(0, 32).Select(i => $"%f{i}"));
        string[] lines = [.. kernel.Text[(kernel.Text.IndexOf("\n\n    ", StringComparison.Ordinal) + 2)..].Split('\n').Select(line => line.Trim())];
        Assert.Multiple(() =>
        {
            Assert.That(kernel.Text, Does.Contain(".param .align 64 .b8 Groups_0[128],\n    .param .b32 Groups_1)"));
            Assert.That(kernel.Text, Does.Contain(".shared .align 1024 .b8 shared_0[16384];\n    .shared .align 16 .b8 shared_1[8];"));
            Assert.That(kernel.LocalBytes, Is.Zero, "sums are registers");
            Assert.That(lines.Where(line => !line.StartsWith("mov.b32 %f", StringComparison.Ordinal) || line.Contains("%f31;")), Is.EqualTo($$"""
                mov.b32 %r0, shared_0;
                mov.b32 %r1, shared_1;
                mbarrier.init.shared.b64 [%r1], 8;
                fence.mbarrier_init.release.cluster;
                {
                .reg .b64 state;
                mbarrier.arrive.shared.b64 state, [%r1];
                }
                {
                .reg .b64 state;
                mbarrier.arrive.expect_tx.shared.b64 state, [%r1], 8192;
                }
                mov.b64 %rd0, Groups_0;
                cvta.param.u64 %rd0, %rd0;
                ld.param.b32 %r2, [Groups_1];
                mov.b32 %r3, 0;
                cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%rd0, {%r3, %r2}], [%r1];
                {
                .reg .pred complete;
                WAIT0:
                mbarrier.try_wait.parity.shared.b64 complete, [%r1], 0;
                @!complete bra WAIT0;
                }
                setmaxnreg.dec.sync.aligned.u32 40;
                setmaxnreg.inc.sync.aligned.u32 232;
                fence.proxy.async.shared::cta;
                wgmma.fence.sync.aligned;
                mov.pred %p0, 1;
                {
                .reg .b32 low;
                .reg .b64 a, b;
                .reg .pred accumulate;
                shr.u32 low, %r0, 4;
                or.b32 low, low, 0x10000;
                mov.b64 a, {low, 0x40000040};
                shr.u32 low, %r0, 4;
                or.b32 low, low, 0x10000;
                mov.b64 b, {low, 0x40000040};
                mov.pred accumulate, %p0;
                wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 {{{registers}}}, a, b, accumulate, 1, 1, 0, 0;
                }
                wgmma.commit_group.sync.aligned;
                wgmma.wait_group.sync.aligned 1;
                mov.b32 %f32, %f31;
                ret;
                }

                """.Split('\n')));
        });
    }

    [Test]
    public void Product_that_lanes_hold_reads_as_expected()
    {
        var sketch = new IrSketch("Held", IrType.I32);
        Instruction tile = sketch.Add(Op.AllocateShared, IrType.Pointer(AddressSpace.Shared), 32768);
        Instruction sums = sketch.Add(Op.AllocateLocal, IrType.Pointer(AddressSpace.Local), 256);
        Instruction word = sketch.Parameter(0);
        Instruction a = sketch.Add(Op.BuildVector, IrType.I32 with { Width = 4 }, word, word, word, sketch.Constant(IrType.I32, 5));
        var shape = new WarpGroupShape(MatrixElement.BFloat16, 128, 16384);
        sketch.Add(Op.WarpGroupMultiplyHeld, IrType.Void, shape.Immediate, sums, a, tile, sketch.Constant(IrType.I1, 0));
        string text = PtxEmitter.Emit(sketch.Return(), new PtxOptions(Target)).Text;
        string registers = string.Join(", ", Enumerable.Range(0, 64).Select(i => $"%f{i}"));
        string[] lines = [.. text[text.IndexOf("    mov.pred %p0", StringComparison.Ordinal)..].Split('\n').Select(line => line.Trim())];
        Assert.That(lines, Is.EqualTo($$"""
            mov.pred %p0, 0;
            mov.b32 %r2, 5;
            {
            .reg .b32 low;
            .reg .b64 b;
            .reg .pred accumulate;
            shr.u32 low, %r0, 4;
            or.b32 low, low, 0x4000000;
            mov.b64 b, {low, 0x40000040};
            mov.pred accumulate, %p0;
            wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{{registers}}}, {%r1, %r1, %r1, %r2}, b, accumulate, 1, 1, 1;
            }
            ret;
            }

            """.Split('\n')));
    }

    [TestCase("sm_80")]
    [TestCase("sm_90")]
    [TestCase("opencl")]
    public void Target_without_them_is_an_error_with_a_line(string target)
    {
        MethodInfo method = typeof(WarpGroupKernels).GetMethod(nameof(WarpGroupKernels.MultiplyStored))!;
        var error = Assert.Throws<KernelCompilationException>(() => _ = target == "opencl"
            ? KernelText.OpenCl(method)
            : KernelText.Ptx(method, new PtxOptions(PtxTarget.Parse(target))).Text)!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Number, Is.EqualTo("JIT0203"));
            Assert.That(error.Line, Is.GreaterThan(0));
            Assert.That(error.Message, Does.Contain("sm_90a"));
        });
    }

    // two tiles for one group, and two slices of each: stages are used again and phases turn over; five slices of a pair's two tiles
    [TestCase("WarpGroupMatMul.bf16.Narrow", 72, 19, 64, 1)]
    [TestCase("WarpGroupMatMul.f16.WidePaired", 264, 135, 256, 2)]
    [TestCase("WarpGroupMatMul.bf16.MiddlePaired", 40, 135, 128, 2)]
    public void Text_of_the_matrix_product_means_it(string name, int inner, int rows, int tileColumns, int groups)
    {
        const int Columns = 70;
        CatalogedKernel kernel = KernelCatalog.All.Single(entry => entry.Name == name);
        TensorType type = name.Contains("bf16", StringComparison.Ordinal) ? TensorType.BFloat16 : TensorType.Float16;
        PtxKernel code = KernelText.Ptx(kernel.Method, new PtxOptions(Target, kernel.Lanes), aligned: false);
        var launch = new PtxWarpGroupLaunch(PtxProgram.Parse(code.Text, code.Name), (uint)groups, (uint)kernel.Lanes, (uint)groups);
        var random = new Random(inner);
        double[] input = [.. Enumerable.Range(0, rows * inner).Select(_ => ReferenceOps.Round((random.NextSingle() * 2) - 1, type))];
        double[] weight = [.. Enumerable.Range(0, Columns * inner).Select(_ => ReferenceOps.Round((random.NextSingle() * 2) - 1, type))];
        launch.Map(new(launch.Place(Bits(input, type)), rows, inner, WarpGroupMatMul.TileRows));
        launch.Map(new(launch.Place(Bits(weight, type)), Columns, inner, tileColumns / groups));
        int output = launch.View(new float[rows * Columns]);
        launch.Number(rows);
        launch.Number(Columns);
        launch.Number(inner);
        launch.Run();
        double[] expected = ReferenceOps.MatMul(input, weight, Columns, inner);
        Assert.That(launch.Contents<float>(output, rows * Columns).Select(value => (double)value), Is.EqualTo(expected).Within(1e-5));
    }

    // two tiles, both at the diagonal, rows in both warp groups, and two heads of keys in the cache, of which the first is computed
    [TestCase("WarpGroupAttention.f16.Narrow", 64)]
    [TestCase("WarpGroupAttention.bf16.Wide", 128)]
    public void Text_of_attention_means_it(string name, int headDim)
    {
        AttentionShape shape = new(11, 121, 14, 2, headDim);
        CatalogedKernel kernel = KernelCatalog.All.Single(entry => entry.Name == name);
        TensorType type = name.Contains("bf16", StringComparison.Ordinal) ? TensorType.BFloat16 : TensorType.Float16;
        PtxKernel code = KernelText.Ptx(kernel.Method, new PtxOptions(Target, kernel.Lanes), aligned: false);
        var launch = new PtxWarpGroupLaunch(PtxProgram.Parse(code.Text, code.Name), 1, (uint)kernel.Lanes);
        var data = new RoundedAttention.Operands(shape, type, RoundedAttention.Spread);
        launch.View(data.Queries);
        launch.Map(new(launch.Place(Bits(data.Keys, type)), shape.PositionCount, shape.KeyValueWidth, WarpGroupAttention.Keys));
        launch.Map(new(launch.Place(Bits(data.Values, type)), shape.PositionCount, shape.KeyValueWidth, WarpGroupAttention.Keys));
        launch.View(data.Cosines);
        launch.View(data.Sines);
        int output = launch.View(new float[data.Queries.Length]);
        foreach (int extent in (int[])[shape.TokenCount, shape.FirstPosition, shape.HeadCount, shape.KeyValueHeadCount, headDim, shape.HeadsPerGroup])
        {
            launch.Number(extent);
        }

        launch.Number(BitConverter.SingleToInt32Bits(1f / MathF.Sqrt(headDim)));
        launch.Run();
        RoundedAttention.Compare(launch.Contents<float>(output, data.Queries.Length), data, type, shape, shape.HeadsPerGroup);
    }

    // what is refused or done one after the other, PtxAssembler refuses
    [TestCaseSource(nameof(KernelNames))]
    public void Matrix_product_is_made_of_the_instructions_of_warp_groups(string name)
    {
        CatalogedKernel kernel = KernelCatalog.All.Single(entry => entry.Name == name);
        string code = PtxAssembler.Disassemble(KernelText.Ptx(kernel.Method, new PtxOptions(Target, kernel.Lanes)).Text, Target.Name);
        bool isPaired = name.EndsWith("Paired", StringComparison.Ordinal);
        int columns = name.Contains("Wide", StringComparison.Ordinal) ? 256 : name.Contains("Middle", StringComparison.Ordinal) ? 128 : 64;
        string products = $@"HGMMA\.64x{columns}x16\.F32{(name.Contains("bf16", StringComparison.Ordinal) ? @"\.BF16" : string.Empty)} ";
        Assert.Multiple(() =>
        {
            Assert.That(Regex.Count(code, products), Is.EqualTo(4), "one for each 16 elements of a slice");
            Assert.That(code, Does.Contain("WARPGROUP.DEPBAR.LE gsb0, 0x1"), "a slice's products run beside the next one's");
            Assert.That(Regex.Count(code, @"UTMALDG\.2D"), Is.EqualTo(2));
            Assert.That(Regex.Count(code, @"UTMALDG\.2D\.MULTICAST"), Is.EqualTo(isPaired ? 1 : 0));
            Assert.That(Regex.Count(code, "UCGABAR_WAIT"), Is.EqualTo(isPaired ? 2 : 0), "before the first slice and at the end");
            Assert.That(code, Does.Contain("SYNCS.PHASECHK").And.Contain("USETMAXREG"));
            Assert.That(code, Does.Not.Contain(" HMMA").And.Not.Contain("LDS").And.Not.Contain("STL"));
        });
    }

    // in the order of the machine code: the products of a tile's scores and of the values before, then the exponentials, then the wait
    [TestCase("f16.Narrow")]
    [TestCase("f16.Wide")]
    [TestCase("bf16.Narrow")]
    [TestCase("bf16.Wide")]
    public void Softmax_is_computed_while_values_are_multiplied(string name)
    {
        CatalogedKernel kernel = KernelCatalog.All.Single(entry => entry.Name == $"{nameof(WarpGroupAttention)}.{name}");
        string code = PtxAssembler.Disassemble(KernelText.Ptx(kernel.Method, new PtxOptions(Target, kernel.Lanes)).Text, Target.Name);
        int scores = name.EndsWith("Wide", StringComparison.Ordinal) ? 8 : 4;
        int begin = code.IndexOf("WARPGROUP.DEPBAR.LE gsb0, 0x1", StringComparison.Ordinal);
        int end = code.IndexOf("WARPGROUP.DEPBAR.LE gsb0, 0x0", begin, StringComparison.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(Regex.Count(code[..begin], @"HGMMA\.64x128x16\.F32.*, gdesc\[UR\d+\], "), Is.EqualTo(2 * scores), "of the first tile and of the loop");
            Assert.That(Regex.Count(code[..begin], @"HGMMA.* R\d+, gdesc\[UR\d+\]\.tnspB"), Is.EqualTo(8), "one for each 16 keys");
            Assert.That(Regex.Count(code[begin..end], "MUFU.EX2"), Is.EqualTo(66), "a weight for each score, two factors");
            Assert.That(Regex.Count(code, @"UTMALDG\.2D"), Is.EqualTo(scores), "keys and values: before the loop, in it, behind it");
            Assert.That(code, Does.Contain("USETMAXREG").And.Contain("FENCE.VIEW.ASYNC").And.Not.Contain(" HMMA").And.Not.Contain("STL"));
        });
    }

    private static ushort[] Bits(double[] values, TensorType type) => [.. values.Select(value => type == TensorType.BFloat16
        ? ((BFloat16)(float)value).Bits
        : BitConverter.HalfToUInt16Bits((System.Half)value))];
}
