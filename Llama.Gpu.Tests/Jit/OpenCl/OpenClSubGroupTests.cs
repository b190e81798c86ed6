using Llama.Gpu.Jit.Backends.OpenCl;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.OpenCl;

/// <summary>
/// Sub-groups as warps: what is asked of a device, and the text. No device here has them, so nothing of it runs; that local memory
/// serves where they fail does.
/// </summary>
public sealed class OpenClSubGroupTests
{
    private static readonly OpenClSubGroups Intel = new(16, "intel_sub_group_shuffle", "cl_intel_subgroups");

    private static readonly OpenClCapabilities WithIntel = new() { WarpSize = 16, SubGroups = Intel };

    [TestCase("cl_khr_fp64 cl_intel_subgroups cl_intel_required_subgroup_size", "8,16,32", 12, "16 intel_sub_group_shuffle")]
    [TestCase("cl_intel_subgroups cl_intel_required_subgroup_size", "8,32", 12, "32 intel_sub_group_shuffle")]
    [TestCase("cl_khr_subgroups cl_khr_subgroup_shuffle cl_intel_required_subgroup_size", "32", 30, "32 sub_group_shuffle")]
    [TestCase("cl_khr_subgroup_shuffle cl_intel_subgroups cl_intel_required_subgroup_size", "16", 30, "16 intel_sub_group_shuffle")]
    [TestCase("cl_khr_subgroups cl_khr_subgroup_shuffle cl_intel_required_subgroup_size", "32", 12, null, Description = "old language")]
    [TestCase("cl_khr_subgroups cl_khr_subgroup_shuffle", "32", 30, null, Description = "the size cannot be fixed")]
    [TestCase("cl_intel_subgroups cl_intel_required_subgroup_size", "8,64", 12, null, Description = "no size that suits the kernels")]
    [TestCase("cl_khr_subgroups cl_intel_required_subgroup_size", "16", 30, null, Description = "no shuffle of any lane")]
    [TestCase("", "", 12, null)]
    public void Sub_groups_are_taken_where_size_and_shuffle_are_offered(string extensions, string sizes, int language, string? expected)
    {
        long[] offered = [.. sizes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        OpenClSubGroups? found = OpenClSubGroups.Offered(extensions.Split(' ').ToHashSet(), offered, language);
        Assert.That(found is null ? null : $"{found.Size} {found.ShuffleFunction}", Is.EqualTo(expected));
    }

    [TestCase("OpenCL C 1.2 PoCL", 12)]
    [TestCase("OpenCL C 3.0 ", 30)]
    [TestCase("OpenCL C 1.2", 12)]
    [TestCase("OpenCL", 0)]
    [TestCase("", 0)]
    public void Version_of_the_language_is_read(string text, int expected) => Assert.That(CLDevice.VersionOf(text), Is.EqualTo(expected));

    [Test]
    public void Warp_operations_are_functions_of_the_sub_group()
    {
        var builder = new IrBuilder("test");
        IrValue data = builder.Pointer("data");
        IrValue lane = builder.BuiltIn(BuiltIn.LaneX);
        IrValue address = builder.Element(data, IrType.F32, lane);
        IrValue value = builder.Load(address, IrType.F32);
        IrValue other = builder.Add(Op.Shuffle, IrType.F32, value, builder.Add(Op.Xor, IrType.I32, lane, builder.Constant(IrType.I32, 1)));
        builder.Add(Op.WarpBarrier, IrType.Void);
        builder.Store(address, other);
        OpenClKernel kernel = OpenClEmitter.Emit(builder.Return(), WithIntel);
        Assert.That(kernel.UsesExchange, Is.False);
        Assert.That(kernel.Text, Is.EqualTo("""
            #pragma OPENCL FP_CONTRACT OFF
            #pragma OPENCL EXTENSION cl_intel_subgroups : enable
            #pragma OPENCL EXTENSION cl_intel_required_subgroup_size : enable
            typedef float m_float __attribute__((may_alias));

            uint jit_sub_group_source(uint index)
            {
                return index < get_sub_group_size() ? index : get_sub_group_local_id();
            }

            __attribute__((intel_reqd_sub_group_size(16))) __kernel void k_test(__global uchar* base0, long offset0)
            {
                __global uchar* const p0 = base0 + offset0;
                ulong v2 = (ulong)(int)(uint)get_local_id(0);
                ulong v4 = (ulong)(1u * v2 * 4ul);
                __global uchar* v5 = p0 + (long)v4;
                float v6 = *(__global m_float*)(v5);
                uint v8 = (uint)((uint)get_local_id(0) ^ 1u);
                float v9 = intel_sub_group_shuffle(v6, jit_sub_group_source(v8));
                sub_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
                *(__global m_float*)(v5) = v9;
            }

            """));
    }

    [TestCase("I1", "shuffle((uint)v", ") != 0;")]
    [TestCase("I16", "(ushort)intel_sub_group_shuffle((uint)v", ");")]
    [TestCase("I64", "= intel_sub_group_shuffle(v", ");")]
    public void Narrow_values_are_exchanged_as_wider_ones(string scalar, string part, string end)
    {
        var builder = new IrBuilder("test");
        IrValue data = builder.Pointer("data");
        IrValue wide = builder.Load(data, IrType.I64);
        var type = new IrType(Enum.Parse<IrKind>(scalar));
        IrValue value = type == IrType.I64 ? wide : builder.Add(Op.Truncation, type, wide);
        IrValue other = builder.Add(Op.Shuffle, type, value, builder.BuiltIn(BuiltIn.LaneX));
        builder.Store(data, other);
        string text = OpenClEmitter.Emit(builder.Return(), WithIntel).Text;
        string call = text.Split('\n').Single(line => line.Contains("intel_sub_group_shuffle", StringComparison.Ordinal));
        Assert.That(call, Does.Contain(part).And.EndsWith(end));
    }

    [Test]
    public void Kernel_without_warp_operations_leaves_the_size_to_the_driver()
    {
        var builder = new IrBuilder("test");
        IrValue data = builder.Pointer("data");
        builder.Add(Op.Barrier, IrType.Void);
        builder.Store(data, builder.Add(Op.Broadcast, IrType.I32, builder.Load(data, IrType.I32), builder.Constant(IrType.I32, 0)));
        OpenClKernel kernel = OpenClEmitter.Emit(builder.Return(), WithIntel);
        Assert.That(kernel.Text, Does.Not.Contain("sub_group"));
        Assert.That(kernel.UsesExchange, Is.True, "a group's broadcast is no operation of a warp");
    }

    [Test]
    public void Device_that_only_claims_sub_groups_exchanges_through_local_memory()
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        Assert.That(accelerator.Probe(Intel with { Size = accelerator.WarpSize, ShuffleFunction = "not_a_function" }).SubGroups, Is.Null);
    }

    [Test]
    public void Probe_holds_for_warps_of_local_memory()
    {
        CLAccelerator accelerator = TestAccelerators.OpenCl;
        OpenClCapabilities emulated = accelerator.Probe(null);
        Assert.That(CLSubGroupProbe.Holds(accelerator, emulated), Is.True);

        // lanes that exchange in other warps than the kernel counts in are found out
        Assert.That(CLSubGroupProbe.Holds(accelerator, emulated with { WarpSize = emulated.WarpSize / 2 }), Is.False);
    }
}
