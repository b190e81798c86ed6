using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>A second edition of a loop's blocks: jumps within it stay within the copy, all else is as in the loop.</summary>
internal sealed class LoopCopy
{
    private readonly Dictionary<IrValue, IrValue> _values;
    private readonly Dictionary<IrBlock, IrBlock> _blocks = [];

    public LoopCopy(Loop loop, IEnumerable<IrBlock> order)
    {
        List<IrBlock> originals = [.. order.Where(loop.Blocks.Contains)];
        _values = new(originals.Sum(block => block.Parameters.Count + block.Instructions.Count));
        foreach (IrBlock original in originals)
        {
            var block = new IrBlock(original.Instructions.Count);
            _blocks.Add(original, block);
            Blocks.Add(block);
            foreach (BlockParameter parameter in original.Parameters)
            {
                var copy = new BlockParameter(block, parameter.Type) { Name = parameter.Name };
                block.Parameters.Add(copy);
                _values.Add(parameter, copy);
            }

            // originals come in an order in which definitions precede uses, jumps back aside
            foreach (Instruction instruction in original.Instructions)
            {
                var copy = new Instruction(
                    instruction.Op, instruction.Type, Of(instruction.Operands), instruction.Immediate, instruction.Source)
                {
                    Name = instruction.Name, IsStreamed = instruction.IsStreamed,
                };
                block.Instructions.Add(copy);
                _values.Add(instruction, copy);
            }
        }

        foreach (IrBlock original in originals)
        {
            _blocks[original].Terminator = original.Terminator switch
            {
                Goto only => new Goto(Of(only.Target)),
                Branch branch => new Branch(Of(branch.Condition), Of(branch.IfTrue), Of(branch.IfFalse)),
                _ => new Return(),
            };
        }
    }

    public List<IrBlock> Blocks { get; } = [];

    /// <summary>Every value of the loop with its copy.</summary>
    public IReadOnlyDictionary<IrValue, IrValue> Values => _values;

    public IrBlock Of(IrBlock block) => _blocks.GetValueOrDefault(block, block);

    public IrValue Of(IrValue value) => _values.GetValueOrDefault(value, value);

    public IrValue[] Of(IrValue[] values) => Array.ConvertAll(values, Of);

    private Jump Of(Jump jump) => new(Of(jump.Block), Of(jump.Arguments));
}
