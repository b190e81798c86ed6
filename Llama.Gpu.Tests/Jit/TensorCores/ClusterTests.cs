using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>Clusters: what comes to each group, the text of the operations, and what is refused.</summary>
public sealed class ClusterTests
{
    private const string Operations =
        """
        kernel K(map: ptr.parameter, row: i32) cluster 2
        b0():
            %0: ptr.parameter = parameter 0
            %1: i32 = parameter 1
            %2: ptr.shared = allocateshared 4096
            %3: ptr.shared = allocateshared 8
            %4: i32 = constant 0
            clusterbarrier
            tensorload 4098 %2, %3, %0, %1, %4
            asyncbarrierarrive 2 %3, %4
            return

        """;

    private static IEnumerable<string> Names => TensorAccelerators.Names;

    [TestCaseSource(nameof(Names))]
    public void Each_group_gets_the_boxes_of_all(string name)
    {
        const int Steps = 3;
        const int Size = 32 * 64;
        ushort[] found = Run(TensorAccelerators.Of(name), groups: 2, Steps);

        // where chunk c of row r lies in its tile, c ^ (r % 8)
        ushort[] expected = [.. Enumerable.Range(0, Steps * Size).Select(i => (ushort)((i / 64 * 64) + (((i % 64 / 8) ^ (i / 64 % 8)) * 8) + (i % 8)))];
        Assert.That(found, Is.EqualTo((ushort[])[.. expected, .. expected]));
    }

    [TestCase("cpu")]
    [TestCase("simd 512")]
    public void Launch_of_half_a_cluster_is_refused(string name) => Assert.That(
        () => Run(TensorAccelerators.Of(name), groups: 3, 1),
        Throws.TypeOf<InvalidKernelOperationException>().With.Message.Contains("a cluster is 2 groups"));

    [Test]
    public void Text_reads_back_as_it_was_written()
    {
        IrFunction function = IrText.Parse(Operations);
        Assert.That(() => IrVerifier.Check(function, "reading"), Throws.Nothing);
        Assert.That(IrPrinter.Print(function), Is.EqualTo(Operations));
    }

    [TestCase(" cluster 2", "")]
    [TestCase("tensorload 4098", "tensorload 4100")]
    [TestCase("tensorload 4098", "tensorload 1026")]
    [TestCase("asyncbarrierarrive 2", "asyncbarrierarrive 4")]
    [TestCase("asyncbarrierarrive 2", "asyncbarrierwait 2")]
    public void Wrong_clusters_are_found_by_the_verifier(string right, string wrong) => Assert.That(
        () => IrVerifier.Check(IrText.Parse(Operations.Replace(right, wrong, StringComparison.Ordinal)), "reading"), Throws.TypeOf<IrException>());

    [Test]
    public void Operations_read_as_expected()
    {
        string text = PtxEmitter.Emit(IrText.Parse(Operations), new PtxOptions(PtxTarget.Parse("sm_90a"))).Text;
        string[] lines = [.. text[text.IndexOf("    barrier.cluster", StringComparison.Ordinal)..].Split('\n').Select(line => line.Trim())];
        Assert.That(text, Does.Contain(")\n.explicitcluster\n.reqnctapercluster 2, 1, 1\n{"));
        Assert.That(lines, Is.EqualTo("""
            barrier.cluster.arrive.aligned;
            barrier.cluster.wait.aligned;
            mov.b32 %r3, 0;
            {
            .reg .b32 rank, first, place;
            .reg .b16 all;
            mov.u32 rank, %cluster_ctarank;
            mad.lo.u32 first, rank, 16, %r0;
            mad.lo.u32 place, rank, 2048, %r1;
            mov.b16 all, 3;
            cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [place], [%rd0, {%r3, first}], [%r2], all;
            }
            {
            .reg .b32 there;
            mapa.shared::cluster.u32 there, %r2, 0;
            mbarrier.arrive.shared::cluster.b64 _, [there];
            }
            {
            .reg .b32 there;
            mapa.shared::cluster.u32 there, %r2, 1;
            mbarrier.arrive.shared::cluster.b64 _, [there];
            }
            ret;
            }

            """.Split('\n')));
    }

    private static ushort[] Run(Accelerator accelerator, int groups, int steps)
    {
        const int Rows = 96;
        using var matrix = accelerator.Allocate1D<BFloat16>([.. Enumerable.Range(0, Rows * 64).Select(i => BFloat16.FromBits((ushort)i))]);
        using var result = accelerator.Allocate1D<BFloat16>(groups * steps * 32 * 64);
        accelerator.LoadKernel<TensorMap<BFloat16>, ArrayView<BFloat16>, int>(ClusterKernels.Boxes)(
            accelerator.DefaultStream,
            new KernelConfig(new Index1D(groups), new Index1D(64), SharedMemoryConfig.RequestDynamic<byte>(32 * 128)),
            new TensorMap<BFloat16>(matrix.View, Rows, 64, 16),
            result.View,
            steps);
        return [.. result.GetAsArray1D().Select(value => value.Bits)];
    }
}
