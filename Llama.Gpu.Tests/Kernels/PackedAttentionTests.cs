using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.Simd;
using Llama.Gpu.Kernels;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Attention of many queries on vectors, where its blocks of rows, tiles of keys and blocks of elements end.</summary>
public sealed class PackedAttentionTests
{
    // rows: whole blocks of 8, 16 or 32 and more; keys: around tiles of 48 and 64; elements: around blocks of 6 and 8, vectors, fours
    private static readonly AttentionShape[] Shapes =
    [
        new(64, 0, 1, 1, 128), new(33, 31, 8, 4, 64), new(17, 100, 8, 2, 100), new(45, 3, 6, 2, 6), new(37, 27, 3, 1, 2), new(70, 58, 2, 2, 34),
        new(16, 1, 8, 1, 80),
    ];

    // the same for the small tile: blocks of 8 rows, tiles of 24 keys, blocks of 3 elements
    private static readonly AttentionShape[] SmallShapes = [new(8, 0, 1, 1, 2), new(9, 15, 4, 2, 6), new(11, 25, 3, 1, 14), new(5, 43, 4, 1, 32)];

    [Test]
    public void Result_agrees_on_vectors([Values] TensorType type, [Values(512, 256, 128)] int bits)
    {
        Accelerator accelerator = SimdAccelerators.Of(bits);
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { Processors = 2 };
        Assert.Multiple(() =>
        {
            Assert.That(Shapes, Has.All.Matches<AttentionShape>(shape => PackedAttention.For(accelerator, shapes)!.Takes(shape)));
            Assert.That(Shapes.Select(shape => OpCases.Attend(shape, type).Check(accelerator, new KernelSet(accelerator, shapes))), Is.All.Null);
        });
    }

    [Test]
    public void Result_agrees_where_every_access_is_watched([Values] TensorType type)
    {
        Accelerator accelerator = TestAccelerators.CreateSanitized(4, 1);
        LaunchShapes shapes = LaunchShapes.For(accelerator) with { Tile = MatMulTile.PackedSmall, Processors = 1 };
        Assert.Multiple(() =>
        {
            Assert.That(SmallShapes, Has.All.Matches<AttentionShape>(shape => PackedAttention.For(accelerator, shapes)!.Takes(shape)));
            Assert.That(SmallShapes.Select(shape => OpCases.Attend(shape, type).Check(accelerator, new KernelSet(accelerator, shapes))), Is.All.Null);
        });
    }

    // what is left goes through groups of a few queries, which are more
    [TestCase(7, 4, 64, false)]
    [TestCase(16, 4, 64, true)]
    [TestCase(16, 4, 130, false)]
    [TestCase(128, 1, 64, true)]
    public void Whole_blocks_for_all_processors_are_taken(int tokens, int headsPerGroup, int headDim, bool isTaken)
    {
        Accelerator accelerator = SimdAccelerators.Of(512);
        PackedAttention packed = PackedAttention.For(accelerator, LaunchShapes.For(accelerator) with { Processors = 2 })!;
        Assert.That(packed.Takes(new(tokens, 0, headsPerGroup, 1, headDim)), Is.EqualTo(isTaken));
    }

    [Test]
    public void A_group_has_as_much_shared_memory_as_a_vector_device_states() => Assert.That(
        new[] { PackedAttention.SharedBytes<Packed4Tile>(), PackedAttention.SharedBytes<Packed8Tile>(), PackedAttention.SharedBytes<Packed16Tile>() },
        Is.All.LessThanOrEqualTo(new SimdDevice().MaxSharedMemoryPerGroup));

    [Test]
    public void Later_tokens_change_nothing_for_earlier_ones()
    {
        Accelerator accelerator = SimdAccelerators.Of(512);
        var kernels = new KernelSet(accelerator, LaunchShapes.For(accelerator) with { Processors = 2 });
        using var run = new AttentionRun(accelerator, kernels, new(40, 130, 4, 2, 24));
        double[] before = run.Attend(0, 40);
        run.Overwrite(150, 1e30f);
        double[] after = run.Attend(0, 40);
        int earlier = 20 * run.Shape.QueryWidth;
        Assert.That(after[..earlier], Is.EqualTo(before[..earlier]));
        Assert.That(after[earlier..], Is.Not.EqualTo(before[earlier..]));
    }
}
