using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>The verb that writes kernels.</summary>
public sealed class KernelsCommandTests
{
    [TestCase("ptx", ".target sm_90a", "--arch", "sm_90a")]
    [TestCase("ptx", ".target sm_80")]
    [TestCase("opencl", "__kernel")]
    [TestCase("ir", "kernel ")]
    public async Task Every_kernel_is_a_file(string emit, string content, params string[] more)
    {
        using var folder = new TemporaryFolder();
        var run = await Run(["kernels", "--emit", emit, "--out", folder["made"], "--json", .. more]);
        Assert.That(run.Code, Is.Zero, run.Error);
        IEnumerable<CatalogedKernel> offered = KernelCatalog.OfGpus.Where(kernel => kernel.Target switch
        {
            KernelTarget.TensorCores => emit != "opencl",
            KernelTarget.WarpGroups => emit == "ir" || more.Contains("sm_90a"),
            _ => true,
        });
        Assert.That(run.JsonLines().Select(line => line.GetProperty("kernel").GetString()), Is.EqualTo(offered.Select(kernel => kernel.Name)));
        foreach (var line in run.JsonLines())
        {
            Assert.That(await File.ReadAllTextAsync(line.GetProperty("file").GetString()!), Does.Contain(content));
        }
    }

    [Test]
    public async Task Alignment_that_is_not_promised_gives_other_code()
    {
        using var folder = new TemporaryFolder();
        Assert.That((await Run("kernels", "matvec", "--emit", "ptx", "--out", folder["aligned"])).Code, Is.Zero);
        Assert.That((await Run("kernels", "matvec", "--emit", "ptx", "--out", folder["unaligned"], "--unaligned")).Code, Is.Zero);
        string name = "MatVec.f32.Wide.ptx";
        Assert.That(await File.ReadAllTextAsync(Path.Combine(folder["aligned"], name)), Does.Contain("ld.global.v4.b32"));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(folder["unaligned"], name)), Does.Not.Contain("ld.global.v4"));
    }

    [TestCase("sm_75", false)]
    [TestCase("sm_80", true)]
    public async Task Kernels_of_tensor_cores_are_written_where_the_target_has_them(string architecture, bool written)
    {
        using var folder = new TemporaryFolder();
        Assert.That((await Run("kernels", "MatMul.bf16", "--emit", "ptx", "--arch", architecture, "--out", folder["made"])).Code, Is.Zero);
        Assert.That(Directory.EnumerateFiles(folder["made"], "MatMul*"), Is.Not.Empty);
        Assert.That(Directory.EnumerateFiles(folder["made"], "TensorCore*").Any(), Is.EqualTo(written));
    }

    [TestCase("--emit", "cuda")]
    [TestCase("--emit", "ptx", "--arch", "sm_61")]
    [TestCase("--emit", "opencl", "--arch", "sm_80")]
    [TestCase("--emit", "opencl", "TensorCore")]
    public async Task Form_or_target_that_is_not_known_is_exit_code_2(params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        var run = await Run(["kernels", "--out", folder["made"], .. arguments]);
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1));
        Assert.That(Directory.Exists(folder["made"]), Is.False);
    }

    private static Task<CommandLineRun> Run(params string[] arguments) => CommandLineRun.Of(new Llama.Gpu.Cli.ModelSource(), arguments);
}
