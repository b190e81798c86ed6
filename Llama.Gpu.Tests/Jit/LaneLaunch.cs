using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Tests.Jit;

/// <summary>Runs every lane of a launch in the <see cref="LaneInterpreter"/>, one after the other: kernels without exchanges.</summary>
internal static class LaneLaunch
{
    // no promise of alignment is larger
    private const int Alignment = 16;

    /// <summary>An argument: an integer, the bits of a float, or memory of its own.</summary>
    public readonly record struct Argument(long Bits, byte[]? Memory = null);

    /// <summary>Runs a launch; what it writes stands in the arguments' memory afterwards.</summary>
    public static void Run(IrFunction function, KernelConfig config, params Argument[] arguments)
    {
        var offsets = new int[arguments.Length];
        int end = 0;
        for (int i = 0; i < arguments.Length; i++)
        {
            offsets[i] = end;
            end += ((arguments[i].Memory?.Length ?? 0) + Alignment - 1) / Alignment * Alignment;
        }

        var global = new byte[end];
        ForEachMemory(arguments, offsets, (memory, offset) => memory.CopyTo(global, offset));
        long[] values =
            [.. arguments.Zip(offsets, (argument, offset) => argument.Memory is null ? argument.Bits : LaneInterpreter.Global(offset))];
        for (int group = 0; group < config.GridDim.Size; group++)
        {
            var interpreter = new LaneInterpreter(function, global);
            Set(interpreter, config.GridDim, BuiltIn.GridDimX, BuiltIn.GridDimY, BuiltIn.GridDimZ);
            Set(interpreter, config.GroupDim, BuiltIn.GroupDimX, BuiltIn.GroupDimY, BuiltIn.GroupDimZ);
            Set(interpreter, Place(group, config.GridDim), BuiltIn.GroupX, BuiltIn.GroupY, BuiltIn.GroupZ);
            interpreter.BuiltIns[BuiltIn.DynamicSharedBytes] = config.SharedMemoryConfig.ArraySize;
            for (int lane = 0; lane < config.GroupDim.Size; lane++)
            {
                Set(interpreter, Place(lane, config.GroupDim), BuiltIn.LaneX, BuiltIn.LaneY, BuiltIn.LaneZ);
                interpreter.Run(values);
            }
        }

        ForEachMemory(arguments, offsets, (memory, offset) => global.AsSpan(offset, memory.Length).CopyTo(memory));
    }

    private static void ForEachMemory(Argument[] arguments, int[] offsets, Action<byte[], int> copy)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].Memory is { } memory)
            {
                copy(memory, offsets[i]);
            }
        }
    }

    private static Index3D Place(int index, Index3D extent) =>
        new(index % extent.X, index / extent.X % extent.Y, index / extent.X / extent.Y);

    private static void Set(LaneInterpreter interpreter, Index3D place, BuiltIn x, BuiltIn y, BuiltIn z)
    {
        interpreter.BuiltIns[x] = place.X;
        interpreter.BuiltIns[y] = place.Y;
        interpreter.BuiltIns[z] = place.Z;
    }
}
