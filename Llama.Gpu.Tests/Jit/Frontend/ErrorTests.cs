using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.TensorCores;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>What is outside the kernel dialect is refused with number, kernel and C# line.</summary>
public sealed class ErrorTests
{
    private static readonly string Source = Path.Combine(RepositoryFolder.Root, "Llama.Gpu.Tests", "Jit", "Frontend", "ForeignKernels.cs");

    [TestCase("JIT0001", nameof(ForeignKernels.Type), "Decimal")]
    [TestCase("JIT0002", nameof(ForeignKernels.Allocation), "Int32[]")]
    [TestCase("JIT0003", nameof(ForeignKernels.Boxing), "Square")]
    [TestCase("JIT0004", nameof(ForeignKernels.ObjectCall), "get_Default")]
    [TestCase("JIT0005", nameof(ForeignKernels.DelegateCall), "delegate")]
    [TestCase("JIT0006", nameof(ForeignKernels.Throw), "ArgumentException")]
    [TestCase("JIT0007", nameof(ForeignKernels.TryBlock), "Guarded")]
    [TestCase("JIT0008", nameof(ForeignKernels.Recursion), "Factorial")]
    [TestCase("JIT0009", nameof(ForeignKernels.Text), "\"kernel\"")]
    [TestCase("JIT0010", nameof(ForeignKernels.StaticState), "_state")]
    [TestCase("JIT0011", nameof(ForeignKernels.CheckedArithmetic), "unchecked")]
    [TestCase("JIT0012", nameof(ForeignKernels.PointerArithmetic), "LocalMemory.Allocate")]
    [TestCase("JIT0013", nameof(ForeignKernels.UnknownFunction), "MathF.Cbrt")]
    [TestCase("JIT0014", nameof(ForeignKernels.ExtentNotConstant), "LocalMemory.Allocate")]
    [TestCase("JIT0015", nameof(ForeignKernels.LocalReference), "atomic")]
    [TestCase("JIT0016", nameof(ForeignKernels.UnsupportedInstruction), "Mkrefany")]
    public void Foreign_code_is_refused_at_its_line(string number, string kernel, string named)
    {
        KernelCompilationException error = Refused(kernel);
        int line = Array.FindIndex(File.ReadAllLines(Source), text => text.Contains($"// {number}", StringComparison.Ordinal)) + 1;
        Assert.Multiple(() =>
        {
            Assert.That(error.Number, Is.EqualTo(number), error.Message);
            Assert.That(error.Kernel, Is.EqualTo($"ForeignKernels.{kernel}"));
            Assert.That(Path.GetFileName(error.File), Is.EqualTo("ForeignKernels.cs"));
            Assert.That(error.Line, Is.EqualTo(line));
            Assert.That(error.Message, Does.Contain(named).And.Contain($"ForeignKernels.cs:{line}").And.Contain("; "));
        });
    }

    // found when the whole function is known: the line is that of the kernel's last instructions
    [TestCase("JIT0015", nameof(ForeignKernels.ReferenceChosenAtRunTime), "local variable")]
    [TestCase("JIT0017", nameof(ForeignKernels.Irreducible), "loop")]
    [TestCase("JIT0018", nameof(ForeignKernels.MixedMemory), "memories")]
    public void Foreign_flow_of_control_or_references_is_refused(string number, string kernel, string named)
    {
        KernelCompilationException error = Refused(kernel);
        Assert.Multiple(() =>
        {
            Assert.That(error.Number, Is.EqualTo(number), error.Message);
            Assert.That(error.Message, Does.Contain(named));
            Assert.That(Path.GetFileName(error.File), Is.EqualTo("ForeignKernels.cs"));
        });
    }

    [TestCase("JIT0020", nameof(TensorKernels.MultipliesWords), "UInt32")]
    [TestCase("JIT0021", nameof(TensorKernels.WaitsForSome), "AsyncCopy.Wait")]
    [TestCase("JIT0022", nameof(TensorKernels.LoadsFromABuffer), "not shared")]
    [TestCase("JIT0022", nameof(TensorKernels.CopiesBack), "from global to shared")]
    public void Wrong_use_of_tensor_cores_is_refused_at_its_line(string number, string kernel, string named) =>
        RefusedAt(number, kernel, named, new FrontendOptions { WarpSize = 32 });

    [TestCase("JIT0022", nameof(WarpGroupKernels.WaitsInABuffer), "phases")]
    [TestCase("JIT0022", nameof(WarpGroupKernels.MultipliesABuffer), "not lie in shared")]
    [TestCase("JIT0022", nameof(WarpGroupKernels.HoldsAgainstABuffer), "not lie in shared")]
    [TestCase("JIT0026", nameof(WarpGroupKernels.MultipliesBlocksAnywhere), "MultiplyAddHeld")]
    [TestCase("JIT0024", nameof(WarpGroupKernels.TakesSomeRegisters), "DecreaseRegisters")]
    [TestCase("JIT0025", nameof(WarpGroupKernels.MultipliesSomeColumns), "MultiplyAdd")]
    public void Wrong_use_of_warp_groups_is_refused_at_its_line(string number, string kernel, string named) =>
        RefusedAt(number, kernel, named, new FrontendOptions { WarpSize = 32 }, typeof(WarpGroupKernels));

    [TestCase("JIT0027", nameof(ClusterKernels.ArrivesInFour), "Cluster.Arrive")]
    [TestCase("JIT0027", nameof(ClusterKernels.LoadsWithoutACluster), "Cluster.Load")]
    [TestCase("JIT0027", nameof(ClusterKernels.LoadsAnyRows), "Cluster.Load")]
    public void Wrong_use_of_clusters_is_refused_at_its_line(string number, string kernel, string named) =>
        RefusedAt(number, kernel, named, new FrontendOptions { WarpSize = 32 }, typeof(ClusterKernels));

    [TestCase("JIT0023", nameof(WarpGroupKernels.IndexesSums), "MultiplyAdd")]
    public void Sums_that_have_no_registers_are_refused(string number, string kernel, string named) => Assert.That(
        () => KernelText.Ptx(typeof(WarpGroupKernels).GetMethod(kernel)!, new PtxOptions(PtxTarget.Parse("sm_90a"))),
        Throws.TypeOf<KernelCompilationException>().With.Property("Number").EqualTo(number).And.Message.Contains(named));

    [TestCase("JIT0019", nameof(TensorKernels.MultiplyInLoop), "TensorCore.MultiplyAdd")]
    public void Tensor_cores_are_refused_where_warps_are_not_of_32_lanes(string number, string kernel, string named) =>
        RefusedAt(number, kernel, named, new FrontendOptions { WarpSize = 16 });

    [Test]
    public void Every_error_has_its_own_number_and_a_test()
    {
        string[] numbers = [.. typeof(JitError).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => ((JitError)field.GetValue(null)!).Number)];
        string?[] tested = [.. new[] { typeof(ErrorTests), typeof(Passes.MemoryTests) }
            .SelectMany(tests => tests.GetMethods())
            .SelectMany(method => method.GetCustomAttributes<TestCaseAttribute>())
            .Select(test => test.Arguments[0] as string)];
        Assert.That(numbers, Is.Unique.And.SubsetOf(tested));
    }

    [Test]
    public void Parameter_of_a_foreign_type_is_refused_by_name() => Assert.That(
        () => KernelFrontend.Compile(typeof(ErrorTests).GetMethod(nameof(TakesText), BindingFlags.NonPublic | BindingFlags.Static)!, new()),
        Throws.TypeOf<KernelCompilationException>().With.Message.Contains("text").And.Message.Contains("String"));

    private static void RefusedAt(string number, string kernel, string named, FrontendOptions options, Type? kernels = null)
    {
        kernels ??= typeof(TensorKernels);
        string source = Path.Combine(RepositoryFolder.Root, "Llama.Gpu.Tests", "Jit", "TensorCores", $"{kernels.Name}.cs");
        var error = Assert.Throws<KernelCompilationException>(() => KernelFrontend.Compile(kernels.GetMethod(kernel)!, options))!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Number, Is.EqualTo(number), error.Message);
            Assert.That(error.Message, Does.Contain(named).And.Contain($"{kernels.Name}.cs"));
            Assert.That(File.ReadAllLines(source)[error.Line - 1], Does.Contain($"// {number}"));
        });
    }

    private static KernelCompilationException Refused(string kernel) => Assert.Throws<KernelCompilationException>(
        () => KernelFrontend.Compile(typeof(ForeignKernels).GetMethod(kernel)!, new FrontendOptions()))!;

    private static void TakesText(ArrayView<int> data, string text) => data[0] = text.Length;
}
