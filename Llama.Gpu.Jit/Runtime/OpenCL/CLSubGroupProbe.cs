using Llama.Gpu.Jit.Backends.OpenCl;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>
/// Whether a device's sub-groups are the warps that kernels count on. OpenCL leaves it to the driver which lanes make a sub-group, and
/// some drivers name functions that they do not build; so a kernel tries.
/// </summary>
internal static class CLSubGroupProbe
{
    /// <summary>
    /// Whether each lane gets what the lane of that number in its warp passes, in whole warps and in the rest of a group.
    /// </summary>
    /// <param name="accelerator">The device.</param>
    /// <param name="capabilities">What the kernel is emitted with.</param>
    public static bool Holds(CLAccelerator accelerator, OpenClCapabilities capabilities)
    {
        int warp = capabilities.WarpSize;
        try
        {
            CLKernel kernel = accelerator.Build(((Action<ArrayView<int>>)Kernel).Method, capabilities);
            Index3D[] groups = [new(warp, 1, 1), new((2 * warp) + 3, 1, 1), new(warp / 2, 4, 1), new(3, 5, 2)];
            return groups.All(group => Holds(accelerator, kernel, group));
        }
        catch (CLException)
        {
            return false;
        }
    }

    private static bool Holds(CLAccelerator accelerator, CLKernel kernel, Index3D group)
    {
        using var right = accelerator.Allocate1D(new int[group.Size]);
        ArrayView<int> view = right.View;
        var arguments = new LaunchArguments(2);
        arguments.Values[0] = view.Address;
        arguments.Buffers[0] = view.Source;
        arguments.Values[1] = view.Length;
        kernel.Launch(accelerator.DefaultStream, new KernelConfig(new Index3D(1, 1, 1), group), arguments);
        return right.GetAsArray1D().All(isRight => isRight == 1);
    }

    private static void Kernel(ArrayView<int> right)
    {
        int lanes = Group.DimX * Group.DimY * Group.DimZ;
        int lane = Group.LinearIndex;
        int first = lane - Warp.LaneIdx;
        int isRight = 1;
        for (int i = 0; i < Warp.WarpSize; i++)
        {
            int source = first + i < lanes ? first + i : lane;
            isRight = Warp.Shuffle(lane, i) == source ? isRight : 0;
        }

        Warp.Barrier();
        right[lane] = isRight;
    }
}
