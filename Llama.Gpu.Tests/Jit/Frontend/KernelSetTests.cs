using System.Reflection;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>The frontend on the kernels of a model.</summary>
public sealed class KernelSetTests
{
    [Test]
    public void Every_kernel_of_a_model_compiles_and_verifies_within_the_time_for_startup()
    {
        // one element type, with every tile of every accelerator: more than a model loads
        ILookup<bool, MethodInfo> kernels = KernelCatalog.All.ToLookup(
            kernel => !kernel.Name.Contains(".f32", StringComparison.Ordinal) && !kernel.Name.Contains(".f16", StringComparison.Ordinal),
            kernel => kernel.Method);
        TimeSpan before = Environment.CpuUsage.TotalTime; // of the process: other programs on the machine do not count
        List<IrFunction> functions = [.. kernels[true].Select(kernel => KernelFrontend.Compile(kernel, new FrontendOptions()))];
        TimeSpan taken = Environment.CpuUsage.TotalTime - before;
        Assert.That(functions, Has.Count.GreaterThanOrEqualTo(38));
        functions.AddRange(kernels[false].Select(kernel => KernelFrontend.Compile(kernel, new FrontendOptions())));
        Assert.Multiple(() =>
        {
            Assert.That(functions.Select(function => function.Name), Is.Unique);
            Assert.That(taken, Is.LessThan(TimeSpan.FromSeconds(1.5)));
            foreach (IrFunction function in functions)
            {
                Assert.That(() => IrVerifier.Check(function, "the frontend"), Throws.Nothing);
                Assert.That(function.Blocks[0].Instructions.Select(instruction => instruction.Op), Has.Some.EqualTo(Op.Parameter));
            }
        });
    }

    [Test]
    public void A_known_warp_size_is_a_constant_in_the_code()
    {
        MethodInfo kernel = KernelCatalog.All.Single(kernel => kernel.Name == nameof(ArgMax)).Method;
        IrFunction function = KernelFrontend.Compile(kernel, new FrontendOptions { WarpSize = 32 });
        Assert.That(
            function.Instructions.Where(instruction => instruction.Op == Op.BuiltIn).Select(instruction => (BuiltIn)instruction.Immediate),
            Does.Not.Contain(BuiltIn.WarpSize));
    }
}
