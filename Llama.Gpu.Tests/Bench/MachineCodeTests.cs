using Llama.Gpu.Bench.StaticAnalysis;
using Llama.Gpu.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Bench;

/// <summary>What is read from NVIDIA's tools, and what follows from it.</summary>
public sealed class MachineCodeTests
{
    private const string Code = """
        .text.Kernel:
                /*0000*/                   LDC R1, c[0x0][0x28] ;
        .L_x_0:
                /*0010*/              @!P0 BRA `(.L_x_3) ;
        .L_x_1:
                /*0020*/                   LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;
                /*0028*/              @!PT LDS RZ, [RZ] ;
                /*0030*/                   LDGSTS.E.BYPASS.LTC128B.128 [R7], desc[UR4][R8.64] ;
                /*0040*/                   LDG.E.U16 R4, desc[UR4][R2.64] ;
                /*0050*/                   LDSM.16.M88.4 R112, [R154] ;
                /*0060*/                   LDS.64 R40, [R155] ;
                /*0070*/                   HMMA.16816.F32.BF16 R4, R112, R40, R4 ;
                /*0080*/               @P1 BRA `(.L_x_1) ;
        .L_x_2:
                /*0090*/                   LDG.E R9, desc[UR4][R2.64] ;
                /*00a0*/                   STL [R1], R9 ;
                /*00b0*/               @P2 BRA `(.L_x_2) ;
                /*00c0*/                   BRA `(.L_x_0) ;
        .L_x_3:
                /*00d0*/                   STG.E desc[UR4][R2.64], R4 ;
                /*00e0*/                   EXIT ;
        .L_x_4:
                /*00f0*/                   BRA `(.L_x_4) ;
        """;

    private const string Report = """
        ptxas info    : 0 bytes gmem
        ptxas info    : Compiling entry function 'Kernel' for 'sm_90a'
        ptxas info    : Function properties for Kernel
            16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
        ptxas info    : Used 159 registers, 49152 bytes smem
        """;

    [Test]
    public void Innermost_loop_with_the_most_tensor_instructions_is_the_main_one()
    {
        MachineCode code = MachineCode.Parse(Code);
        Assert.Multiple(() =>
        {
            Assert.That(code.MainLoop, Is.EqualTo(new MachineLoop(7, Tensor: 1, Global: 3, GlobalWide: 2, Shared: 2, SharedWide: 1, IsLoop: true)));
            Assert.That(code.LocalAccesses, Is.EqualTo(1));
        });
    }

    [Test]
    public void Code_without_a_loop_counts_whole()
    {
        string straight = string.Join('\n', Code.Split('\n').Where(line => !line.Contains("BRA", StringComparison.Ordinal)));
        Assert.That(MachineCode.Parse(straight).MainLoop, Is.EqualTo(new MachineLoop(11, 1, 5, 2, 2, 1, IsLoop: false)));
    }

    [Test]
    public void Report_of_the_assembler_is_read() => Assert.That(ResourceUsage.Parse(Report), Is.EqualTo(new ResourceUsage(159, 16, 8, 12, 49152)));

    [Test]
    public void Report_that_says_nothing_is_refused() =>
        Assert.That(() => ResourceUsage.Parse("ptxas info    : 0 bytes gmem"), Throws.TypeOf<AssemblerException>().With.Message.Contains("registers"));

    // by NVIDIA's occupancy calculator
    [TestCase("sm_90", 32, 0, 256, 64, "warps")]
    [TestCase("sm_90a", 159, 49152, 256, 8, "registers")]
    [TestCase("sm_80", 64, 0, 128, 32, "registers")]
    [TestCase("sm_80", 32, 49152, 128, 12, "shared memory")]
    [TestCase("sm_90", 32, 49152, 128, 16, "shared memory")]
    [TestCase("sm_90", 16, 0, 32, 32, "groups")]
    [TestCase("sm_90", 255, 0, 1024, 0, "registers")]
    public void Occupancy_is_that_of_the_calculator(string architecture, int registers, int shared, int lanes, int warps, string limit) =>
        Assert.That(Occupancy.Of(architecture, registers, shared, lanes), Is.EqualTo(new Occupancy(warps, limit)));

    [Test]
    public void Least_time_is_that_of_the_nearer_ceiling()
    {
        Roofline h100 = Roofline.Default;
        Assert.Multiple(() =>
        {
            Assert.That(h100.Least(new Cost(3_350_000, 1000), Arithmetic.Single), Is.EqualTo((1e-6, true)));
            Assert.That(h100.Least(new Cost(1000, 66_900_000), Arithmetic.Single), Is.EqualTo((1e-6, false)));
            Assert.That(h100.Least(new Cost(1000, 989_400_000), Arithmetic.TensorCores), Is.EqualTo((1e-6, false)));
            Assert.That(h100.Least(new Cost(1000, 33_500_000), Arithmetic.Double), Is.EqualTo((1e-6, false)));
        });
    }
}
