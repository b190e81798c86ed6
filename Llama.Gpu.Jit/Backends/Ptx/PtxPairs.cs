using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Two f32 that are rounded to 16 bits and stand in one word: one instruction, where each by itself may be a slow one.</summary>
internal static class PtxPairs
{
    /// <summary>The numbers whose 16 bits a word is put together of, where it is.</summary>
    public static (IrValue Low, IrValue High)? Halves(Instruction word) =>
        word is { Op: Op.Or, Type.Kind: IrKind.I32 }
            ? Halves(word.Operands[0], word.Operands[1]) ?? Halves(word.Operands[1], word.Operands[0])
            : null;

    /// <summary>The text that rounds two numbers to a word <c>$d</c> from <c>$0</c> (low) and <c>$1</c>; null where they are not so converted.</summary>
    public static string? Text(IrValue low, IrValue high, PtxTarget target) => (low, high) switch
    {
        _ when !target.RoundsToBFloat16 => null,
        (Instruction { Op: Op.FloatToHalf }, Instruction { Op: Op.FloatToHalf }) => "cvt.rn.f16x2.f32 $d, $1, $0;",
        (Instruction { Op: Op.FloatToBFloat16 }, Instruction { Op: Op.FloatToBFloat16 }) => "cvt.rn.bf16x2.f32 $d, $1, $0;",
        _ => null,
    };

    private static (IrValue Low, IrValue High)? Halves(IrValue low, IrValue shifted) =>
        low is Instruction { Op: Op.ZeroExtend } first
        && shifted is Instruction { Op: Op.Shl } shift && shift.Operands[1] is Instruction { Op: Op.Constant, Immediate: 16 }
        && shift.Operands[0] is Instruction { Op: Op.ZeroExtend } second
            ? (first.Operands[0], second.Operands[0])
            : null;
}
