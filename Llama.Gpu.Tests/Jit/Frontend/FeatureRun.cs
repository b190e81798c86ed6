using System.Reflection;
using System.Runtime.InteropServices;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Runs a kernel of <see cref="FeatureKernels"/>: on the <c>cpu</c> accelerator, which does not know the compiler, and compiled.</summary>
internal static class FeatureRun
{
    private const int OutputLength = 32 * 16;

    private static readonly KernelConfig Config = new(4, 8, SharedMemoryConfig.RequestDynamic<short>(24));

    // integers at the edges of every width, and bits of floats of every kind; then a spread of all magnitudes
    private static readonly int[] Input =
    [
        0, 1, -1, 2, 5, 7, -8, 100, 127, 128, -128, -129, 255, 256, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, int.MinValue + 1,
        Bits(1.5f), Bits(-2.75f), Bits(0.1f), Bits(3e9f), Bits(-3e9f), Bits(1e20f), Bits(float.NaN), Bits(float.PositiveInfinity),
        Bits(float.NegativeInfinity), Bits(-0f), Bits(float.Epsilon), Bits(70000.4f), 31, 32, 33, 63, 64,
        .. Enumerable.Range(0, 40).Select(i => unchecked((int)(0x9E3779B9u * (uint)(i + 1)) >> (i % 29))),
    ];

    public static int[] OnCpu(MethodInfo kernel)
    {
        using Context context = Context.Create(builder => builder.CPU(new CPUDevice(8, 8, 1)));
        using CPUAccelerator accelerator = context.CreateCPUAccelerator(0);
        return On(accelerator, kernel);
    }

    public static int[] On(Accelerator accelerator, MethodInfo kernel)
    {
        using var input = accelerator.Allocate1D(Input);
        using var output = accelerator.Allocate1D<int>(OutputLength);
        output.MemSetToZero();
        accelerator.LoadKernel<Action<AcceleratorStream, KernelConfig, ArrayView<int>, ArrayView<int>>>(kernel)(
            accelerator.DefaultStream, Config, input.View, output.View);
        accelerator.Synchronize();
        return output.GetAsArray1D();
    }

    public static int[] Compiled(MethodInfo kernel)
    {
        IrFunction function = KernelFrontend.Compile(kernel, new FrontendOptions());
        IrVerifier.Check(function, "the frontend");
        byte[] input = MemoryMarshal.AsBytes(Input.AsSpan()).ToArray();
        var output = new byte[OutputLength * 4];
        LaneLaunch.Run(function, Config, new(0, input), new(Input.Length), new(0, output), new(OutputLength));
        return MemoryMarshal.Cast<byte, int>(output).ToArray();
    }

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value);
}
