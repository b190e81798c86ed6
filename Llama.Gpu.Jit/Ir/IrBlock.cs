namespace Llama.Gpu.Jit.Ir;

/// <summary>Instructions that run one after the other, then a jump elsewhere.</summary>
/// <param name="instructions">How many room is made for.</param>
internal sealed class IrBlock(int instructions = 0)
{
    /// <summary>Values that jumps to this block pass.</summary>
    public List<BlockParameter> Parameters { get; } = [];

    public List<Instruction> Instructions { get; } = new(instructions);

    /// <summary>How control leaves the block; null only while it is built.</summary>
    public Terminator? Terminator { get; set; }

    /// <summary>The jumps that leave the block.</summary>
    public IEnumerable<Jump> Successors => Terminator switch
    {
        Goto only => [only.Target],
        Branch branch => [branch.IfTrue, branch.IfFalse],
        _ => [],
    };
}

/// <summary>A way into a block, with a value for each of its parameters.</summary>
internal sealed class Jump(IrBlock block, params IrValue[] arguments)
{
    public IrBlock Block { get; set; } = block;

    public IrValue[] Arguments { get; set; } = arguments;
}

/// <summary>How control leaves a block.</summary>
internal abstract class Terminator;

/// <summary>To one block.</summary>
internal sealed class Goto(Jump target) : Terminator
{
    public Jump Target { get; set; } = target;
}

/// <summary>To one of two blocks, by a truth value.</summary>
internal sealed class Branch(IrValue condition, Jump ifTrue, Jump ifFalse) : Terminator
{
    public IrValue Condition { get; set; } = condition;

    public Jump IfTrue { get; set; } = ifTrue;

    public Jump IfFalse { get; set; } = ifFalse;
}

/// <summary>The lane is done.</summary>
internal sealed class Return : Terminator;
