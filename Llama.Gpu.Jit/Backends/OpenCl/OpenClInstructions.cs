using System.Collections.Frozen;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>
/// The table from operations to OpenCL C. In a text, $0 to $2 are the operands, $T the result's type, $S the first operand's type
/// read as signed, $R the result's type read as signed, and $M the shift mask. <c>1u *</c> and <c>0u -</c> lift narrow integers out
/// of C's promotion to int, whose overflow is undefined.
/// </summary>
internal static class OpenClInstructions
{
    private static readonly FrozenDictionary<Op, Texts> Table = new Dictionary<Op, Texts>
    {
        [Op.Add] = new("($T)($0 + $1)", "$0 + $1"),
        [Op.Sub] = new("($T)($0 - $1)", "$0 - $1"),
        [Op.Mul] = new("($T)(1u * $0 * $1)", "$0 * $1"),
        [Op.Div] = new("($T)(($S)$0 / ($S)$1)", "$0 / $1"),
        [Op.DivU] = new("($T)($0 / $1)"),
        [Op.Rem] = new("($T)(($S)$0 % ($S)$1)", "fmod($0, $1)"),
        [Op.RemU] = new("($T)($0 % $1)"),
        [Op.And] = new("($T)($0 & $1)", Other: "($T)($0 & $1)"),
        [Op.Or] = new("($T)($0 | $1)", Other: "($T)($0 | $1)"),
        [Op.Xor] = new("($T)($0 ^ $1)", Other: "($T)($0 ^ $1)"),
        [Op.Shl] = new("($T)(1u * $0 << ($1 & $M))"),
        [Op.Shr] = new("($T)(($S)$0 >> ($1 & $M))"),
        [Op.ShrU] = new("($T)($0 >> ($1 & $M))"),
        [Op.Min] = new("($T)min(($S)$0, ($S)$1)", "jit_min_$T($0, $1)"),
        [Op.MinU] = new("min($0, $1)"),
        [Op.Max] = new("($T)max(($S)$0, ($S)$1)", "jit_max_$T($0, $1)"),
        [Op.MaxU] = new("max($0, $1)"),
        [Op.Neg] = new("($T)(0u - $0)", "-$0"),
        [Op.Not] = new("($T)~$0", Other: "!$0"),
        [Op.Abs] = new("($T)abs(($S)$0)", "fabs($0)"),
        [Op.Fma] = new(null, "fma($0, $1, $2)"),
        [Op.Sqrt] = new(null, "sqrt($0)"),
        [Op.Rsqrt] = new(null, "($T)1 / sqrt($0)"),
        [Op.Exp] = new(null, "exp($0)"),
        [Op.Exp2] = new(null, "exp2($0)"),
        [Op.Exp2Approximate] = new(null, "exp2($0)"),
        [Op.Log] = new(null, "log($0)"),
        [Op.Log2] = new(null, "log2($0)"),
        [Op.Sin] = new(null, "sin($0)"),
        [Op.Cos] = new(null, "cos($0)"),
        [Op.Tanh] = new(null, "tanh($0)"),
        [Op.Floor] = new(null, "floor($0)"),
        [Op.Ceiling] = new(null, "ceil($0)"),
        [Op.RoundEven] = new(null, "rint($0)"),
        [Op.Truncate] = new(null, "trunc($0)"),
        [Op.Pow] = new(null, "pow($0, $1)"),
        [Op.Eq] = new("$0 == $1", "$0 == $1", "$0 == $1"),
        [Op.Ne] = new("$0 != $1", "$0 != $1", "$0 != $1"),
        [Op.Lt] = new("($S)$0 < ($S)$1", "$0 < $1", "$0 < $1"),
        [Op.Le] = new("($S)$0 <= ($S)$1", "$0 <= $1", "$0 <= $1"),
        [Op.LtU] = new("$0 < $1", "!($0 >= $1)", "$0 < $1"),
        [Op.LeU] = new("$0 <= $1", "!($0 > $1)", "$0 <= $1"),
        [Op.Select] = new("$0 ? $1 : $2", Other: "$0 ? $1 : $2"),
        [Op.Truncation] = new("($T)$0"),
        [Op.SignExtend] = new("($T)($S)$0"),
        [Op.ZeroExtend] = new("($T)$0", Other: "($T)$0"),
        [Op.IntToFloat] = new("($T)($S)$0"),
        [Op.UnsignedToFloat] = new("($T)$0"),
        [Op.FloatToInt] = new(null, "($T)convert_$R_sat($0)"),
        [Op.FloatToUnsigned] = new(null, "convert_$T_sat($0)"),
        [Op.FloatToFloat] = new(null, "($T)$0"),
        [Op.HalfToFloat] = new("jit_half_to_float($0)"),
        [Op.FloatToHalf] = new(null, "jit_float_to_half($0)"),
        [Op.BFloat16ToFloat] = new("as_float((uint)$0 << 16)"),
        [Op.FloatToBFloat16] = new(null, "jit_float_to_bfloat16($0)"),
        [Op.Offset] = new(null, Other: "$0 + (long)$1"),
    }.ToFrozenDictionary();

    /// <summary>The expression for an operation on values, or null for one that the table does not have.</summary>
    /// <param name="instruction">The operation.</param>
    /// <param name="operands">Its operands as text.</param>
    public static string? Expression(Instruction instruction, string[] operands)
    {
        if (!Table.TryGetValue(instruction.Op, out Texts texts))
        {
            return null;
        }

        IrType first = instruction.Operands[0].Type;
        string? text = first.Width > 1 ? texts.Other : first.IsInteger ? texts.Integer : first.IsFloat ? texts.Float : texts.Other;
        if (instruction is { Op: Op.Truncation, Type.Kind: IrKind.I1 })
        {
            text = "($0 & 1) != 0";
        }

        if (text is null)
        {
            throw new IrException($"OpenCL C has no text for {IrPrinter.Describe(instruction)}");
        }

        text = text.Replace("$T", OpenClTypes.Name(instruction.Type), StringComparison.Ordinal)
            .Replace("$S", OpenClTypes.Signed(first), StringComparison.Ordinal)
            .Replace("$R", OpenClTypes.Signed(instruction.Type), StringComparison.Ordinal)
            .Replace("$M", $"{instruction.Type.ScalarBits - 1}", StringComparison.Ordinal);
        for (int i = 0; i < operands.Length; i++)
        {
            text = text.Replace($"${i}", operands[i], StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>Text by the kind of the first operand.</summary>
    private readonly record struct Texts(string? Integer, string? Float = null, string? Other = null);
}
