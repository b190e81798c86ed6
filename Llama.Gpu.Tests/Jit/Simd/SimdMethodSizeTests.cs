using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends.Simd;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>How large the methods are that the runtime is given.</summary>
public sealed class SimdMethodSizeTests
{
    // attention of 31 KB is optimized, and was fifty times slower at 56 KB
    private const int MostBytes = 40_000;

    // the tiles of GPUs, and a token's way with its position on the device, are larger; on vectors they run in tests alone
    private static IEnumerable<CatalogedKernel> Kernels() => KernelCatalog.All.Where(kernel =>
        kernel.Target is not (KernelTarget.TensorCores or KernelTarget.WarpGroups)
        && kernel.Name != nameof(TokenDraw)
        && !kernel.Name.Contains(".Token.", StringComparison.Ordinal)
        && !kernel.Name.Contains(".Wide", StringComparison.Ordinal)
        && !kernel.Name.EndsWith($".{nameof(MatMulTile.Small)}", StringComparison.Ordinal)
        && !kernel.Name.Contains(".f32", StringComparison.Ordinal)
        && !kernel.Name.Contains(".f16", StringComparison.Ordinal));

    [Test]
    public void Every_kernel_is_small_enough_to_be_optimized([Values(512, 256)] int bits) => Assert.Multiple(() =>
    {
        SimdAccelerator accelerator = SimdAccelerators.Of(bits);
        foreach (CatalogedKernel kernel in Kernels())
        {
            IrFunction function = KernelFrontend.Compile(kernel.Method, new FrontendOptions { WarpSize = accelerator.WarpSize });
            accelerator.Optimize(function, new Index3D(kernel.Lanes, 1, 1));
            var compiler = new SimdCompiler(function, accelerator.Device.Isa, linear: true, SimdDevice.MaxGroupLanes);
            int whole = compiler.SizeOf(full: true);
            int part = compiler.SizeOf(full: false);
            TestContext.Out.WriteLine($"{kernel}: {whole} and {part} bytes of IL");
            Assert.That(Math.Max(whole, part), Is.GreaterThan(0).And.LessThan(MostBytes), kernel.Name);
        }
    });
}
