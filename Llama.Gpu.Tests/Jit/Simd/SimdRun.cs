using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Tests.Jit.Simd;

/// <summary>Runs functions that no C# method stands behind, as they are, without passes.</summary>
internal static class SimdRun
{
    /// <summary>Runs a function whose one parameter is a buffer; gives back what it holds then.</summary>
    public static byte[] Run(int bits, IrFunction function, KernelConfig config, byte[] buffer)
    {
        Accelerator accelerator = SimdAccelerators.Of(bits);
        CompiledKernel kernel = SimdAccelerators.Of(bits).Build(function.Name, _ => function);
        using var memory = accelerator.Allocate1D(buffer);
        var arguments = new LaunchArguments(1);
        arguments.Values[0] = memory.Buffer.NativePtr;
        arguments.Buffers[0] = memory.Buffer;
        kernel.Launch(accelerator.DefaultStream, config, arguments);
        return memory.GetAsArray1D();
    }

    /// <summary>The same by the interpreter, lane after lane of one group.</summary>
    public static byte[] Interpret(IrFunction function, int lanes, byte[] buffer)
    {
        byte[] memory = [.. buffer];
        var interpreter = new LaneInterpreter(function, memory);
        interpreter.BuiltIns[BuiltIn.GroupDimX] = lanes;
        for (int lane = 0; lane < lanes; lane++)
        {
            interpreter.BuiltIns[BuiltIn.LaneX] = lane;
            interpreter.Run(LaneInterpreter.Global(0));
        }

        return memory;
    }
}
