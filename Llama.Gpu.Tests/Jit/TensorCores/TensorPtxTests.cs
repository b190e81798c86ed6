using System.Text.RegularExpressions;
using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.Ptx;
using Llama.Gpu.Tests.Reference;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Tensor cores and asynchronous copies as PTX: the text, what it means, and the machine code that NVIDIA's assembler makes of it.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class TensorPtxTests
{
    [Test]
    public void Operations_read_as_expected()
    {
        var sketch = new IrSketch("Tensor", IrSketch.Global, IrType.I32);
        IrType shared = IrType.Pointer(AddressSpace.Shared);
        Instruction tile = sketch.Add(Op.AllocateShared, shared, 1024);
        sketch.Add(Op.AsyncCopy, IrType.Void, 16, tile, sketch.Parameter(0), sketch.Parameter(1));
        sketch.Add(Op.AsyncCopy, IrType.Void, 16, tile, sketch.Parameter(0), sketch.Constant(IrType.I32, 16));
        sketch.Add(Op.AsyncCopy, IrType.Void, 4, tile, sketch.Parameter(0), sketch.Constant(IrType.I32, 4));
        sketch.Add(Op.AsyncCommit, IrType.Void);
        sketch.Add(Op.AsyncWait, IrType.Void, 1);
        Instruction a = sketch.Add(Op.LoadMatrix, IrType.I32 with { Width = 4 }, tile);
        Instruction b = sketch.Add(Op.LoadMatrix, IrType.I32 with { Width = 2 }, 1, tile);
        sketch.Add(Op.LoadMatrix, IrType.I32, tile);
        Instruction zero = sketch.Single(0);
        Instruction sums = sketch.Add(Op.BuildVector, IrType.F32 with { Width = 4 }, zero, zero, zero, zero);
        sums = sketch.Add(Op.MatrixMultiply, sums.Type, (long)MatrixElement.BFloat16, a, b, sums);
        sketch.Add(Op.MatrixMultiply, sums.Type, (long)MatrixElement.Half, a, b, sums);
        string text = PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(80))).Text;
        Assert.That(text[(text.IndexOf("\n\n    ", StringComparison.Ordinal) + 2)..], Is.EqualTo("""
                mov.b32 %r0, shared_0;
                ld.param.b64 %rd0, [Tensor_0];
                cvta.to.global.u64 %rd0, %rd0;
                ld.param.b32 %r1, [Tensor_1];
                cp.async.cg.shared.global [%r0], [%rd0], 16, %r1;
                ld.param.b64 %rd1, [Tensor_0];
                cvta.to.global.u64 %rd1, %rd1;
                cp.async.cg.shared.global [%r0], [%rd1], 16;
                ld.param.b64 %rd2, [Tensor_0];
                cvta.to.global.u64 %rd2, %rd2;
                cp.async.ca.shared.global [%r0], [%rd2], 4;
                cp.async.commit_group;
                cp.async.wait_group 1;
                ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r2, %r3, %r4, %r5}, [%r0];
                ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%r6, %r7}, [%r0];
                ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r8}, [%r0];
                mov.b32 %f4, 0f00000000;
                mov.b32 %f5, 0f00000000;
                mov.b32 %f6, 0f00000000;
                mov.b32 %f7, 0f00000000;
                mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f0, %f1, %f2, %f3}, {%r2, %r3, %r4, %r5}, {%r6, %r7}, {%f4, %f5, %f6, %f7};
                mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f8, %f9, %f10, %f11}, {%r2, %r3, %r4, %r5}, {%r6, %r7}, {%f0, %f1, %f2, %f3};
                ret;
            }

            """));
    }

    [TestCase("sm_75", "JIT0201", nameof(TensorKernels.MultiplyInLoop))]
    [TestCase("sm_70", "JIT0202", nameof(TensorKernels.Copies))]
    [TestCase("opencl", "JIT0201", nameof(TensorKernels.MultiplyInLoop))]
    [TestCase("opencl", "JIT0202", nameof(TensorKernels.Copies))]
    public void Target_without_them_is_an_error_with_a_line(string target, string number, string kernel)
    {
        MethodInfo method = typeof(TensorKernels).GetMethod(kernel)!;
        var error = Assert.Throws<KernelCompilationException>(() => _ = target == "opencl"
            ? KernelText.OpenCl(method)
            : KernelText.Ptx(method, new PtxOptions(PtxTarget.Parse(target))).Text)!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Number, Is.EqualTo(number));
            Assert.That(error.Line, Is.GreaterThan(0));
            Assert.That(error.Message, Does.Contain(target == "opencl" ? "OpenCL has no" : $"{target} has no").And.Contain("; "));
        });
    }

    [Test]
    public void Text_of_a_product_means_the_product()
    {
        PtxLaunch launch = Launch(KernelText.Ptx(typeof(TensorKernels).GetMethod(nameof(TensorKernels.Multiply))!
            .MakeGenericMethod(typeof(BFloat16)), new PtxOptions(new PtxTarget(80))), (1, 1, 1), 64);
        Tile[] tiles = [.. Enumerable.Range(0, 2).Select(seed => new Tile(seed, value => ((BFloat16)value).Bits, bits => BFloat16.FromBits(bits)))];
        launch.View<uint>([.. tiles.SelectMany(tile => tile.WordsOfA)]);
        launch.View<uint>([.. tiles.SelectMany(tile => tile.WordsOfB)]);
        int sums = launch.View<float>([.. tiles.SelectMany(tile => tile.ValuesOfC)]);
        launch.Run();
        float[] found = launch.Contents<float>(sums, 256);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < 256; i++)
            {
                (int row, int column) = (i % 128 / 8, i % 8);
                Assert.That(
                    found[(i / 128 * 128) + Tile.PlaceInC(row, column)], Is.EqualTo((float)tiles[i / 128].Product(row, column).Sum), $"tile {i / 128}, {row}, {column}");
            }
        });
    }

    // one tile of 32 x 64 that is not full, by chunks and by elements
    [TestCase("TensorCoreMatMul.bf16.Narrow", 40)]
    [TestCase("TensorCoreMatMul.f16.Narrow", 104)]
    [TestCase("TensorCoreMatMul.bf16.Elements", 35)]
    [TestCase("TensorCoreMatMul.bf16.Square", 72)]
    public void Text_of_the_matrix_product_means_it(string name, int inner)
    {
        const int Rows = 19;
        const int Columns = 70;
        CatalogedKernel kernel = KernelCatalog.All.Single(entry => entry.Name == name);
        TensorType type = name.Contains("bf16", StringComparison.Ordinal) ? TensorType.BFloat16 : TensorType.Float16;
        PtxLaunch launch = Launch(KernelText.Ptx(kernel.Method, new PtxOptions(new PtxTarget(80)), aligned: false), (2, 1, 1), kernel.Lanes);
        var random = new Random(inner);
        double[] input = [.. Enumerable.Range(0, Rows * inner).Select(_ => ReferenceOps.Round((random.NextSingle() * 2) - 1, type))];
        double[] weight = [.. Enumerable.Range(0, Columns * inner).Select(_ => ReferenceOps.Round((random.NextSingle() * 2) - 1, type))];
        launch.View<float>([.. input.Select(value => (float)value)]);
        launch.View(Bits(input, type));
        launch.View(Bits(weight, type));
        int output = launch.View(new float[Rows * Columns]);
        launch.Number(Rows);
        launch.Number(Columns);
        launch.Number(inner);
        launch.Run();
        double[] expected = ReferenceOps.MatMul(input, weight, Columns, inner);
        Assert.That(launch.Contents<float>(output, Rows * Columns).Select(value => (double)value), Is.EqualTo(expected).Within(1e-5));
    }

    [TestCase("sm_80")]
    [TestCase("sm_90")]
    [TestCase("sm_90a")]
    public void Matrix_product_is_made_of_the_instructions_of_tensor_cores(string target)
    {
        // disassembling takes long: f16 for one target
        foreach (CatalogedKernel kernel in KernelCatalog.All.Where(kernel => kernel.Target == KernelTarget.TensorCores
            && (target == "sm_90a" || kernel.Name.Contains(".bf16.", StringComparison.Ordinal))))
        {
            string code = PtxAssembler.Disassemble(KernelText.Ptx(kernel.Method, new PtxOptions(PtxTarget.Parse(target), kernel.Lanes)).Text, target);
            bool inChunks = !kernel.Name.EndsWith("Elements", StringComparison.Ordinal);
            bool isRounded = kernel.Name.StartsWith(nameof(TensorCoreMatMul), StringComparison.Ordinal) && inChunks && !kernel.Name.EndsWith("Narrow", StringComparison.Ordinal);
            bool brain = kernel.Name.Contains(".bf16.", StringComparison.Ordinal);
            Assert.Multiple(() =>
            {
                Assert.That(code, Does.Contain(brain ? "HMMA.16816.F32.BF16" : "HMMA.16816.F32"), kernel.Name);
                Assert.That(code, Does.Contain("LDSM.16.M88.4"), kernel.Name);
                Assert.That(code.Contains("LDGSTS.E.BYPASS.128", StringComparison.Ordinal), Is.EqualTo(inChunks), kernel.Name);
                Assert.That(!inChunks || isRounded || (code.Contains("LDG.E.128") && code.Contains("STS.128")), Is.True, $"{kernel.Name}: wide accesses");
                Assert.That(isRounded && Regex.IsMatch(code, @"\b(LDG|STS)\."), Is.False, $"{kernel.Name}: past the registers");
            });
        }
    }

    private static ushort[] Bits(double[] values, TensorType type) => [.. values.Select(value => type == TensorType.BFloat16
        ? ((BFloat16)(float)value).Bits
        : BitConverter.HalfToUInt16Bits((System.Half)value))];

    private static PtxLaunch Launch(PtxKernel code, (uint X, uint Y, uint Z) grid, int lanes) =>
        new(PtxProgram.Parse(code.Text, code.Name), grid, (uint)lanes);
}
