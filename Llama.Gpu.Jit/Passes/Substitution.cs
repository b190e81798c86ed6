using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>Values that a pass has found to be equal to others, and their replacement throughout a function in one walk.</summary>
internal sealed class Substitution
{
    private readonly Dictionary<IrValue, IrValue> _replacements = [];

    public bool IsEmpty => _replacements.Count == 0;

    /// <summary>Has <paramref name="value"/> stand for <paramref name="old"/>.</summary>
    public void Replace(IrValue old, IrValue value)
    {
        IrValue final = Of(value);
        if (final != old)
        {
            _replacements[old] = final;
        }
    }

    /// <summary>What stands for a value: itself, unless it is replaced.</summary>
    public IrValue Of(IrValue value)
    {
        if (!_replacements.TryGetValue(value, out IrValue? next))
        {
            return value;
        }

        IrValue final = next;
        while (_replacements.TryGetValue(final, out IrValue? further))
        {
            final = further;
        }

        // the whole chain leads to the end from now on, so that long chains stay cheap
        while (next != final)
        {
            _replacements[value] = final;
            (value, next) = (next, _replacements[next]);
        }

        return final;
    }

    public void Apply(IrValue[] values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Of(values[i]);
        }
    }

    public void Apply(Terminator? terminator)
    {
        switch (terminator)
        {
            case Goto only:
                Apply(only.Target.Arguments);
                break;
            case Branch branch:
                branch.Condition = Of(branch.Condition);
                Apply(branch.IfTrue.Arguments);
                Apply(branch.IfFalse.Arguments);
                break;
        }
    }

    public void Apply(IrFunction function)
    {
        if (IsEmpty)
        {
            return;
        }

        foreach (IrBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                Apply(instruction.Operands);
            }

            Apply(block.Terminator);
        }
    }
}
