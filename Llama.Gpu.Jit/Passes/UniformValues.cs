using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Which values are computed from the launch alone and so are the same in every lane, as far as their operands tell. What a divergent
/// branch decides is not looked at: good enough to choose between two right ways, not to rely on.
/// </summary>
internal sealed class UniformValues
{
    private readonly Dictionary<IrValue, bool> _known = [];
    private readonly Dictionary<IrBlock, List<Jump>> _jumps = [];

    public UniformValues(IrFunction function)
    {
        foreach (Jump jump in function.Blocks.SelectMany(block => block.Successors))
        {
            if (!_jumps.TryGetValue(jump.Block, out List<Jump>? jumps))
            {
                _jumps.Add(jump.Block, jumps = []);
            }

            jumps.Add(jump);
        }
    }

    public bool Contains(IrValue value)
    {
        if (_known.TryGetValue(value, out bool known))
        {
            return known;
        }

        // a counter that comes back to itself is as uniform as the rest of it
        _known[value] = true;
        bool found = value switch
        {
            Instruction { Op: Op.BuiltIn } builtIn => (BuiltIn)builtIn.Immediate is not (BuiltIn.LaneX or BuiltIn.LaneY or BuiltIn.LaneZ),
            Instruction { Op: Op.Atomic or Op.CompareExchange or Op.Shuffle or Op.AllocateLocal } => false,
            Instruction instruction => Array.TrueForAll(instruction.Operands, Contains),
            BlockParameter parameter => _jumps.GetValueOrDefault(parameter.Block, [])
                .TrueForAll(jump => Contains(jump.Arguments[parameter.Block.Parameters.IndexOf(parameter)])),
            _ => false,
        };
        _known[value] = found;
        return found;
    }
}
