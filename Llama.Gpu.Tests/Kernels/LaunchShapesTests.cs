using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>How work is cut into groups.</summary>
public sealed class LaunchShapesTests
{
    // vectors of 16 lanes on 2 cores: at most 16 blocks of four rows for a group, and as much for one core as for the other
    [TestCase(4, 1, 1)]
    [TestCase(96, 12, 2)]
    [TestCase(128, 16, 2)]
    [TestCase(192, 12, 4)]
    [TestCase(14336, 16, 224)]
    public void Rows_of_a_small_weight_are_shared_by_all_processors(int rows, int blocks, int groups)
    {
        LaunchShapes shapes = LaunchShapes.For(SimdAccelerators.Of(512)) with { Processors = 2 };
        Assert.That((shapes.WarpBlocksFor(rows, 16), shapes.FourRowsPerWarp(rows, 16).GridDim.X), Is.EqualTo((blocks, groups)));
    }
}
