using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Emitted text, letter by letter, and what it is written for.</summary>
public sealed class PtxTextTests
{
    [Test]
    public void Scaling_kernel_reads_as_expected()
    {
        // data[lane] *= factor, for lane < length
        var sketch = new IrSketch("Scale", IrSketch.Global, IrType.I64, IrType.F32);
        var line = new SourcePoint("/src/Scale.cs", 12);
        Instruction lane = sketch.Add(Op.SignExtend, IrType.I64, sketch.Add(Op.BuiltIn, IrType.I32, (long)BuiltIn.LaneX));
        Instruction inside = sketch.Add(Op.Lt, IrType.I1, lane, sketch.Parameter(1));
        IrBlock scale = IrSketch.Block();
        IrBlock done = IrSketch.Block();
        sketch.Branch(inside, new Jump(scale), new Jump(done));
        sketch.Enter(scale);
        Instruction bytes = sketch.Add(Op.Shl, IrType.I64, lane, sketch.Constant(IrType.I32, 2));
        Instruction address = sketch.Add(Op.Offset, IrSketch.Global, sketch.Parameter(0), bytes);
        Instruction product = sketch.Add(Op.Mul, IrType.F32, 0, line, sketch.Load(IrType.F32, address, 4), sketch.Parameter(2));
        sketch.Store(address, product, 4);
        sketch.Goto(done);

        string text = PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(80), MaxGroupSize: 256)).Text;
        Assert.That(text, Is.EqualTo("""
            .version 7.0
            .target sm_80
            .address_size 64

            .file 1 "/src/Scale.cs"
            .visible .entry Scale(
                .param .b64 Scale_0,
                .param .b64 Scale_1,
                .param .b32 Scale_2)
            .maxntid 256, 1, 1
            .minnctapersm 1
            {
                .reg .pred %p<1>;
                .reg .b32 %r<1>;
                .reg .b64 %rd<5>;
                .reg .f32 %f<3>;

                mov.u32 %r0, %tid.x;
                cvt.s64.s32 %rd0, %r0;
                ld.param.b64 %rd1, [Scale_1];
                setp.lt.s64 %p0, %rd0, %rd1;
                @!%p0 bra B2;
            B1:
                shl.b64 %rd2, %rd0, 2;
                ld.param.b64 %rd3, [Scale_0];
                cvta.to.global.u64 %rd3, %rd3;
                add.s64 %rd4, %rd3, %rd2;
                ld.global.b32 %f0, [%rd4];
                ld.param.b32 %f1, [Scale_2];
                .loc 1 12 0
                mul.rn.f32 %f2, %f0, %f1;
                st.global.b32 [%rd4], %f2;
            B2:
                ret;
            }

            """));
    }

    [TestCase("sm_70", "7.0")]
    [TestCase("sm_80", "7.0")]
    [TestCase("sm_86", "7.1")]
    [TestCase("sm_90", "7.8")]
    [TestCase("sm_90a", "8.0")]
    public void Target_names_the_oldest_version_that_knows_it(string name, string version)
    {
        PtxTarget target = PtxTarget.Parse(name);
        Assert.That((target.Name, target.Version), Is.EqualTo((name, version)));
    }

    [TestCase(7, 0, "sm_70")]
    [TestCase(8, 6, "sm_86")]
    [TestCase(8, 8, "sm_87")]
    [TestCase(9, 0, "sm_90a")]
    [TestCase(12, 0, "sm_90")]
    [TestCase(9, 0, "sm_90", 11080)]
    [TestCase(9, 0, "sm_80", 11000)]
    public void Target_of_a_device_is_the_newest_that_it_and_its_driver_run(int major, int minor, string name, int driver = 13000) =>
        Assert.That(PtxTarget.For(major, minor, driver).Name, Is.EqualTo(name));

    [Test]
    public void Target_that_is_not_known_is_refused_with_the_list() => Assert.Multiple(() =>
    {
        Assert.That(() => PtxTarget.Parse("sm_61"), Throws.ArgumentException.With.Message.Contains("sm_90a"));
        Assert.That(() => PtxTarget.For(6, 1), Throws.TypeOf<NotSupportedException>());
    });

    [Test]
    public void Pointer_of_unknown_space_is_an_error()
    {
        var sketch = new IrSketch("Generic", IrType.Pointer(AddressSpace.Generic));
        sketch.Store(sketch.Parameter(0), sketch.Single(1), 4);
        Assert.That(() => PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(80))), Throws.TypeOf<IrException>());
    }
}
