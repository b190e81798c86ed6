using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Products of warp groups, barriers with phases and copies of boxes.</summary>
internal sealed class PtxWarpGroups(PtxRegisters registers, Action<string> write)
{
    private int _waits;

    /// <summary>Writes one of these operations.</summary>
    /// <param name="instruction">The operation.</param>
    /// <param name="values">The registers of each operand; a constant is a number.</param>
    /// <param name="sums">The registers of a product's sums.</param>
    public void Emit(Instruction instruction, string[][] values, string[] sums)
    {
        string immediate = Math.Abs(instruction.Immediate).ToString(CultureInfo.InvariantCulture);
        string[] operands = [.. values.Select(registers => registers.FirstOrDefault(string.Empty))];
        write(instruction.Op switch
        {
            // the fence is for the copy engine, which arrives at the barrier too
            Op.AsyncBarrierInit => $"mbarrier.init.shared.b64 [{operands[0]}], {operands[1]};\nfence.mbarrier_init.release.cluster;",
            Op.AsyncBarrierArrive when instruction.Immediate > 0 => PtxClusters.Arrive(operands[0], (int)instruction.Immediate),
            Op.AsyncBarrierArrive => Arrive(operands[0], operands[1]),
            Op.ClusterBarrier => "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;",
            Op.AsyncBarrierWait => Wait(operands[0], operands[1]),
            Op.TensorLoad => Load(operands, instruction.Immediate),
            Op.WarpGroupMultiply => Multiply(WarpGroupShape.Of(instruction.Immediate), operands, sums),
            Op.WarpGroupMultiplyHeld => MultiplyHeld(WarpGroupShape.Of(instruction.Immediate), values, sums),
            Op.WarpGroupFence => "wgmma.fence.sync.aligned;",
            Op.WarpGroupCommit => "wgmma.commit_group.sync.aligned;",
            Op.WarpGroupWait => $"wgmma.wait_group.sync.aligned {immediate};",
            Op.WarpGroupFenceStores => "fence.proxy.async.shared::cta;",
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
    private string Load(string[] operands, long boxes)
    {
        string moves = string.Empty;
        if (boxes > 0)
        {
            string column = Register(operands[4], ref moves);
            return moves + PtxClusters.Load(operands[0], operands[1], operands[2], operands[3], column, ClusterBoxes.Of(boxes));
        }

        string coordinates = $"{Register(operands[4], ref moves)}, {Register(operands[3], ref moves)}";
        return $"{moves}cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
            + $"[{operands[0]}], [{operands[2]}, {{{coordinates}}}], [{operands[1]}];";
    }

    private string Register(string name, ref string moves)
    {
        if (name[0] == '%')
        {
            return name;
        }

        string register = registers.New(IrType.I32);
        moves += $"mov.b32 {register}, {name};\n";
        return register;
    }

    private static string Multiply(WarpGroupShape shape, string[] operands, string[] sums) => $$"""
        {
        .reg .b32 low;
        .reg .b64 a, b;
        .reg .pred accumulate;
        {{Descriptor("a", operands[1], 1)}}
        {{Descriptor("b", operands[2], 1)}}
        mov.pred accumulate, {{operands[3]}};
        {{Instruction(shape, sums)}}, a, b, accumulate, 1, 1, 0, 0;
        }
        """;

    private string MultiplyHeld(WarpGroupShape shape, string[][] values, string[] sums)
    {
        string moves = string.Empty;
        string a = string.Join(", ", values[1].Select(name => Register(name, ref moves)));
        return $$"""
            {{moves}}{
            .reg .b32 low;
            .reg .b64 b;
            .reg .pred accumulate;
            {{Descriptor("b", values[2][0], shape.BlockDistance >> 4)}}
            mov.pred accumulate, {{values[3][0]}};
            {{Instruction(shape, sums)}}, {{{a}}}, b, accumulate, 1, 1, 1;
            }
            """;
    }

    // The address in units of 16 bytes; in the upper half 1024 bytes from 8 rows to the next 8, and swizzling by 128 bytes. The other distance
    // is that from 64 columns to the next where B is rows; along K it has no meaning, as a row of 128 bytes has all of it.
    private static string Descriptor(string name, string address, int distance) => $$"""
        shr.u32 low, {{address}}, 4;
        or.b32 low, low, 0x{{distance:X}}0000;
        mov.b64 {{name}}, {low, 0x40000040};
        """;

    private static string Instruction(WarpGroupShape shape, string[] sums)
    {
        string type = shape.Element == MatrixElement.Half ? "f16" : "bf16";
        return $"wgmma.mma_async.sync.aligned.m64n{shape.Columns}k16.f32.{type}.{type} {{{string.Join(", ", sums)}}}";
    }
}
