using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Goes once over a function, dominating blocks first, and rebuilds each block's instructions: a pass answers for each one which
/// value takes its place, and may put new instructions before it.
/// </summary>
internal sealed class Rewriter
{
    private const int Repeats = 4;
    private readonly Substitution _substitution = new();
    private List<Instruction> _output = [];
    private SourcePoint _source;

    /// <summary>What takes an instruction's place: null leaves it. Its operands are replaced already.</summary>
    public delegate IrValue? Rule(Rewriter rewriter, Instruction instruction);

    public static void Run(IrFunction function, Rule rule)
    {
        var rewriter = new Rewriter();
        foreach (IrBlock block in new Dominators(function).ReversePostorder)
        {
            rewriter.Rewrite(block, rule);
        }

        // jumps back were walked before what they pass was rewritten
        rewriter._substitution.Apply(function);
    }

    /// <summary>Puts an instruction before the one at hand.</summary>
    public Instruction Emit(Op op, IrType type, long immediate, params IrValue[] operands)
    {
        var instruction = new Instruction(op, type, operands, immediate, _source);
        _output.Add(instruction);
        return instruction;
    }

    public Instruction Emit(Op op, IrType type, params IrValue[] operands) => Emit(op, type, 0, operands);

    public Instruction Constant(IrType type, long value) => Emit(Op.Constant, type, ConstantEvaluator.Canonical(type, value));

    // what a rule has just made may be one more rule's case
    private IrValue Again(IrValue value, Rule rule)
    {
        for (int i = 0; i < Repeats && value is Instruction made && _output.Count > 0 && _output[^1] == made; i++)
        {
            if (rule(this, made) is not { } next)
            {
                break;
            }

            value = next;
        }

        return value;
    }

    private void Rewrite(IrBlock block, Rule rule)
    {
        _output = new List<Instruction>(block.Instructions.Count);
        foreach (Instruction instruction in block.Instructions)
        {
            _source = instruction.Source;
            _substitution.Apply(instruction.Operands);
            if (rule(this, instruction) is { } value)
            {
                _substitution.Replace(instruction, Again(value, rule));
            }
            else
            {
                _output.Add(instruction);
            }
        }

        block.Instructions.Clear();
        block.Instructions.AddRange(_output);
        _substitution.Apply(block.Terminator);
    }
}
