using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Products of warp groups, barriers with phases and copies of boxes.</summary>
internal sealed class PtxWarpGroups(PtxRegisters registers, Action<string> write)
{
    private int _waits;

    /// <summary>Writes one of these operations.</summary>
    /// <param name="instruction">The operation.</param>
    /// <param name="operands">The first register of each operand, or a number.</param>
    /// <param name="sums">The registers of a product's sums.</param>
    public void Emit(Instruction instruction, string[] operands, string[] sums)
    {
        string immediate = Math.Abs(instruction.Immediate).ToString(CultureInfo.InvariantCulture);
        write(instruction.Op switch
        {
            // the fence is for the copy engine, which arrives at the barrier too
            Op.AsyncBarrierInit => $"mbarrier.init.shared.b64 [{operands[0]}], {operands[1]};\nfence.mbarrier_init.release.cluster;",
            Op.AsyncBarrierArrive => Arrive(operands[0], operands[1]),
            Op.AsyncBarrierWait => Wait(operands[0], operands[1]),
            Op.TensorLoad => Load(operands),
            Op.WarpGroupMultiply => Multiply(WarpGroupShape.Of(instruction.Immediate), operands, sums),
            Op.WarpGroupFence => "wgmma.fence.sync.aligned;",
            Op.WarpGroupCommit => "wgmma.commit_group.sync.aligned;",
            Op.WarpGroupWait => $"wgmma.wait_group.sync.aligned {immediate};",
            Op.WarpGroupFenceStores => "fence.proxy.async;",
            _ => $"setmaxnreg.{(instruction.Immediate < 0 ? "dec" : "inc")}.sync.aligned.u32 {immediate};",
        });
    }

    private static string Arrive(string barrier, string bytes) => $$"""
        {
        .reg .b64 state;
        mbarrier.arrive{{(bytes == "0" ? string.Empty : ".expect_tx")}}.shared.b64 state, [{{barrier}}]{{(bytes == "0" ? string.Empty : $", {bytes}")}};
        }
        """;

    private string Wait(string barrier, string parity) => $$"""
        {
        .reg .pred complete;
        WAIT{{_waits}}:
        mbarrier.try_wait.parity.shared.b64 complete, [{{barrier}}], {{parity}};
        @!complete bra WAIT{{_waits++}};
        }
        """;

    // coordinates: the column first, as it is the innermost; a constant gets a register, as this instruction takes nothing else
    private string Load(string[] operands)
    {
        string moves = string.Empty;
        string Coordinate(string name)
        {
            if (name[0] == '%')
            {
                return name;
            }

            string register = registers.New(IrType.I32);
            moves += $"mov.b32 {register}, {name};\n";
            return register;
        }

        string coordinates = $"{Coordinate(operands[4])}, {Coordinate(operands[3])}";
        return $"{moves}cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
            + $"[{operands[0]}], [{operands[2]}, {{{coordinates}}}], [{operands[1]}];";
    }

    // A descriptor: the address in units of 16 bytes; in the upper half 1024 bytes from 8 rows to the next 8, and swizzling by 128 bytes.
    // The distance along K has no meaning where a row is 128 bytes.
    private static string Multiply(WarpGroupShape shape, string[] operands, string[] sums)
    {
        string type = shape.Element == MatrixElement.Half ? "f16" : "bf16";
        return $$"""
            {
            .reg .b32 low;
            .reg .b64 a, b;
            .reg .pred accumulate;
            shr.u32 low, {{operands[1]}}, 4;
            or.b32 low, low, 0x10000;
            mov.b64 a, {low, 0x40000040};
            shr.u32 low, {{operands[2]}}, 4;
            or.b32 low, low, 0x10000;
            mov.b64 b, {low, 0x40000040};
            mov.pred accumulate, {{operands[3]}};
            wgmma.mma_async.sync.aligned.m64n{{shape.Columns}}k16.f32.{{type}}.{{type}} {{{string.Join(", ", sums)}}}, a, b, accumulate, 1, 1, 0, 0;
            }
            """;
    }
}
