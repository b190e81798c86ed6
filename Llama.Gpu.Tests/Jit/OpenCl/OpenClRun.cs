using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Tests.Infrastructure;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>Runs functions that no C# method stands behind.</summary>
internal static class OpenClRun
{
    /// <summary>Builds and runs a function of buffers; gives back what they hold then.</summary>
    public static byte[][] Run(IrFunction function, KernelConfig config, params byte[][] buffers)
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        using CLKernel kernel = accelerator.Build(function.Name, function);
        var arguments = new LaunchArguments(buffers.Length);
        var memory = buffers.Select(accelerator.Allocate1D).ToArray();
        try
        {
            for (int i = 0; i < buffers.Length; i++)
            {
                arguments.Values[i] = memory[i].Buffer.NativePtr;
                arguments.Buffers[i] = memory[i].Buffer;
            }

            kernel.Launch(accelerator.DefaultStream, config, arguments);
            return [.. memory.Select(buffer => buffer.GetAsArray1D())];
        }
        finally
        {
            Array.ForEach(memory, buffer => buffer.Dispose());
        }
    }

    public static byte[] Bytes<T>(params T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    public static T[] As<T>(byte[] bytes)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes).ToArray();
}
