using System.Reflection;
using System.Text.RegularExpressions;
using Llama.Gpu.Bench.StaticAnalysis;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Every kernel of the library as PTX.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class KernelCatalogTests
{
    private static IEnumerable<TestCaseData> KernelsByTarget =>
        from kernel in KernelCatalog.OfGpus
        from target in new[] { "sm_80", "sm_90", "sm_90a" }
        where kernel.IsFor(PtxTarget.Parse(target))
        from aligned in target == "sm_80" ? [true, false] : new[] { true }
        select new TestCaseData(kernel, target, aligned).SetArgDisplayNames(kernel.Name, target, aligned ? "aligned" : "unaligned");

    [TestCaseSource(nameof(KernelsByTarget))]
    public void Kernel_assembles_without_spills_and_stack_frame(CatalogedKernel kernel, string target, bool aligned)
    {
        ResourceUsage usage = PtxAssembler.Assemble(Emit(kernel, target, aligned).Text, target);
        TestContext.Out.WriteLine($"{kernel} {target} {(aligned ? "aligned" : "unaligned")}: {usage}");
        PtxAssemblyTests.RequireNoSpills(usage);
    }

    [Test]
    public void Catalog_lists_every_operation_of_the_set_that_has_a_kernel()
    {
        IEnumerable<string> operations =
        [
            nameof(TensorCoreMatMul), nameof(TensorCoreAttention), nameof(WarpGroupMatMul), nameof(WarpGroupAttention), nameof(InputRounding),
            nameof(PackedMatMul), nameof(PackedInput), nameof(PackedAttention),
            nameof(LogitPeak), nameof(TokenWeights), nameof(TokenDraw),
            .. new[] { typeof(KernelSet), typeof(SpectralKernelSet) }
                .SelectMany(set => set.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                .Select(property => property.PropertyType)
                .Where(type => type.GetMethod("Kernel", BindingFlags.Static | BindingFlags.NonPublic) is not null)
                .Select(type => type.Name),
        ];
        Assert.That(KernelCatalog.All.Select(kernel => kernel.Method.DeclaringType!.Name).Distinct(), Is.EquivalentTo(operations));
    }

    // f16 and bf16: eight weights a load for each of four rows, and eight inputs in two; f32: four, and one
    [TestCase("MatVec", "Wide", 6, 5)]
    [TestCase("MatVec", "Add.Wide", 6, 5)]
    [TestCase("QkvProjection", "Wide", 4, 4)]
    [TestCase("QkvAppend", "Wide", 8, 8)]
    [TestCase("GateUpProjection", "Wide", 8, 8)]
    [TestCase("MatMul", "Wide", 3, 4)]
    [TestCase("MatMul", "Small", 3, 4)]
    public void Matrix_product_reads_global_memory_in_128_bits(string operation, string variant, int ofHalves, int ofSingles) => Assert.Multiple(() =>
    {
        foreach (string type in (string[])["f32", "f16", "bf16"])
        {
            CatalogedKernel kernel = KernelCatalog.OfGpus.Single(kernel => kernel.Name == $"{operation}.{type}.{variant}");
            int wide = Regex.Count(Emit(kernel, "sm_90").Text, @"\bld\.global(\.cs\.nc)?\.v4\.");
            Assert.That(wide, Is.EqualTo(type == "f32" ? ofSingles : ofHalves), kernel.Name);
        }
    });

    // weights are read once: first to leave the caches, in the text and in the machine code, and nothing else is
    [TestCase("MatVec.bf16.Wide", 4)]
    [TestCase("QkvAppend.bf16.Wide", 8)]
    [TestCase("QkvProjection.bf16.Wide", 4)]
    [TestCase("GateUpProjection.bf16.Wide", 8)]
    public void Weights_are_streamed_past_the_caches(string name, int wideLoads)
    {
        string text = Emit(KernelCatalog.OfGpus.Single(kernel => kernel.Name == name), "sm_90").Text;
        Assert.That(Regex.Count(text, @"\bld\.global\.cs\.nc\.v4\."), Is.EqualTo(wideLoads));
        string code = PtxAssembler.Disassemble(text, "sm_90");
        Assert.That(Regex.Count(code, @"\bLDG\.E\.EF\.128\.CONSTANT\b"), Is.EqualTo(wideLoads), "the assembler may repeat none of them");
        Assert.That(Regex.Count(code, @"\bLDG\.E\.128\b"), Is.LessThanOrEqualTo(4), "the input alone is kept");
    }

    // what a profiler shows: the operation, its kernel and its type arguments, and the line of each instruction
    [Test]
    public void Kernels_have_readable_names_and_lines_of_their_own_files() => Assert.Multiple(() =>
    {
        foreach (CatalogedKernel kernel in KernelCatalog.OfGpus)
        {
            PtxKernel code = Emit(kernel, "sm_90a");
            string operation = kernel.Method.DeclaringType!.Name;
            Assert.That(code.Name, Does.StartWith($"{operation}_{kernel.Method.Name}"));
            Assert.That(code.Text, Does.Match($@"\.file \d+ ""[^""]*/{operation}(\.\w+)?\.cs"""), kernel.Name);
            Assert.That(Regex.Count(code.Text, @"^\s*\.loc \d+ [1-9]\d* 0$", RegexOptions.Multiline), Is.GreaterThan(5), kernel.Name);
        }
    });

    [Test]
    public void Names_in_PTX_are_distinct() =>
        Assert.That(KernelCatalog.OfGpus.Select(kernel => KernelName.Identifier(kernel.Method)), Is.Unique);

    [Test]
    public void Machine_code_keeps_the_lines() => Assert.That(
        PtxAssembler.Disassemble(Emit(KernelCatalog.OfGpus.Single(kernel => kernel.Name == "SwiGlu"), "sm_90").Text, "sm_90"),
        Does.Match(@"//## File ""[^""]*/SwiGlu\.cs"", line \d+"));

    [Test]
    public void Names_of_the_catalog_are_distinct() => Assert.That(KernelCatalog.All.Select(kernel => kernel.Name), Is.Unique);

    [Test]
    [NonParallelizable]
    public void Kernels_of_a_model_are_emitted_in_a_second_and_a_half_once_the_compiler_is_warm()
    {
        // time of the process, so that other programs on the machine do not count
        CatalogedKernel[] kernels = [.. KernelCatalog.OfModelOnGpu.Where(kernel => kernel.IsFor(PtxTarget.Parse("sm_90")))];
        TimeSpan time = TimeSpan.MaxValue;
        for (int round = 0; round < 8 && time >= TimeSpan.FromSeconds(1.5); round++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            int bytes = kernels.Sum(kernel => Emit(kernel, "sm_90").Text.Length);
            time = Environment.CpuUsage.TotalTime - before;
            TestContext.Out.WriteLine($"{kernels.Length} kernels, {bytes} bytes of PTX in {time.TotalMilliseconds:0} ms");
        }

        Assert.That(time, Is.LessThan(TimeSpan.FromSeconds(1.5)));
    }

    private static PtxKernel Emit(CatalogedKernel kernel, string target, bool aligned = true) =>
        KernelText.Ptx(kernel.Method, new PtxOptions(PtxTarget.Parse(target), kernel.Lanes), aligned);
}
