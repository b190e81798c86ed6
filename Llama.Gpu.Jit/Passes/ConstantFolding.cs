using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>Computes what is known already, and replaces operations by simpler ones that give the same bits.</summary>
internal static class ConstantFolding
{
    public static void Run(IrFunction function, PassOptions options) =>
        Rewriter.Run(function, (rewriter, instruction) => Fold(rewriter, instruction, options));

    private static IrValue? Fold(Rewriter rewriter, Instruction instruction, PassOptions options)
    {
        if (instruction.Op == Op.BuiltIn)
        {
            return options.BuiltIns.TryGetValue((BuiltIn)instruction.Immediate, out int value) ? rewriter.Constant(IrType.I32, value) : null;
        }

        return Evaluate(instruction) is { } constant
            ? rewriter.Constant(instruction.Type, constant)
            : AlgebraicIdentities.Simplify(rewriter, instruction);
    }

    private static long? Evaluate(Instruction instruction)
    {
        IrValue[] operands = instruction.Operands;
        if (operands.Length is 0 or > 3 || instruction.HasEffect || instruction.Op is Op.Load or Op.Extract or Op.BuildVector)
        {
            return null;
        }

        Span<long> constants = stackalloc long[operands.Length];
        for (int i = 0; i < operands.Length; i++)
        {
            if (!ConstantEvaluator.IsConstant(operands[i], out constants[i]))
            {
                return null;
            }
        }

        IrType operandType = operands[instruction.Op == Op.Select ? 1 : 0].Type;
        return ConstantEvaluator.Evaluate(instruction.Op, instruction.Type, operandType, constants);
    }
}
