using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Computes a value once where a dominating block has computed it already. A load counts as the same only if nothing in between may
/// write what it reads; what a store has just written is not read again.
/// </summary>
internal sealed class CommonSubexpressions
{
    // memory known at once: bounds the comparisons of addresses in long blocks
    private const int KnownMemory = 64;

    private readonly Substitution _substitution = new();
    private readonly Dictionary<Key, Instruction> _known = [];
    private readonly Stack<List<Key>> _scopes = [];
    private readonly Dictionary<IrValue, int> _numbers = [];
    private readonly Dictionary<IrBlock, List<IrBlock>> _predecessors;
    private readonly Dictionary<IrBlock, List<(MemoryAccess Access, IrValue Value)>> _memoryAtEnd = [];

    private CommonSubexpressions(IrFunction function) => _predecessors = Dominators.Predecessors(function);

    public static void Run(IrFunction function, PassOptions options)
    {
        var pass = new CommonSubexpressions(function);
        new DominatorTree(function).Walk(pass.Enter, _ => pass.Leave());
        pass._substitution.Apply(function);
    }

    private void Enter(IrBlock block)
    {
        var scope = new List<Key>();
        _scopes.Push(scope);

        // with one way in, memory is as that block left it
        List<(MemoryAccess, IrValue)> memory = _predecessors[block] is [var only] && _memoryAtEnd.TryGetValue(only, out var before) ? [.. before] : [];
        int kept = 0;
        List<Instruction> instructions = block.Instructions;
        for (int i = 0; i < instructions.Count; i++)
        {
            Instruction instruction = instructions[i];
            _substitution.Apply(instruction.Operands);
            IrValue? same = instruction.Op == Op.Load ? Remembered(instruction, memory) : Computed(instruction, scope);
            Remember(instruction, memory);
            if (same is not null)
            {
                _substitution.Replace(instruction, same);
            }
            else
            {
                instructions[kept++] = instruction;
            }
        }

        instructions.RemoveRange(kept, instructions.Count - kept);
        _memoryAtEnd[block] = memory;
    }

    private void Leave() => _scopes.Pop().ForEach(key => _known.Remove(key));

    private Instruction? Computed(Instruction instruction, List<Key> scope)
    {
        if (instruction.HasEffect || instruction.Op is Op.AllocateLocal or Op.AllocateShared or Op.Undefined || instruction.Operands.Length > 3)
        {
            return null;
        }

        var key = Key.Of(instruction, Number);
        if (_known.TryGetValue(key, out Instruction? same))
        {
            return same;
        }

        scope.Add(key);
        _known.Add(key, instruction);
        return null;
    }

    private static IrValue? Remembered(Instruction load, List<(MemoryAccess Access, IrValue Value)> memory)
    {
        var access = MemoryAccess.Of(load);
        foreach ((MemoryAccess known, IrValue value) in memory)
        {
            if (known == access && value.Type == load.Type)
            {
                return value;
            }
        }

        memory.Add((access, load));
        if (memory.Count > KnownMemory)
        {
            memory.RemoveAt(0);
        }

        return null;
    }

    private static void Remember(Instruction instruction, List<(MemoryAccess Access, IrValue Value)> memory)
    {
        if (instruction.Op == Op.Load || !instruction.HasEffect)
        {
            return;
        }

        memory.RemoveAll(known => known.Access.MayBeWrittenBy(instruction));
        if (instruction.Op == Op.Store)
        {
            memory.Add((MemoryAccess.Of(instruction), instruction.Operands[1]));
        }
    }

    private int Number(IrValue value)
    {
        if (!_numbers.TryGetValue(value, out int number))
        {
            _numbers.Add(value, number = _numbers.Count + 1);
        }

        return number;
    }

    private readonly record struct Key(Op Op, IrType Type, long Immediate, int First, int Second, int Third)
    {
        public static Key Of(Instruction instruction, Func<IrValue, int> number)
        {
            IrValue[] operands = instruction.Operands;
            int first = operands.Length > 0 ? number(operands[0]) : 0;
            int second = operands.Length > 1 ? number(operands[1]) : 0;
            if (first > second && IsSymmetric(instruction))
            {
                (first, second) = (second, first);
            }

            long immediate = instruction.Op == Op.Constant
                ? ConstantEvaluator.Canonical(instruction.Type, instruction.Immediate)
                : instruction.Immediate;
            return new(instruction.Op, instruction.Type, immediate, first, second, operands.Length > 2 ? number(operands[2]) : 0);
        }

        private static bool IsSymmetric(Instruction instruction) => instruction.Op is Op.Eq or Op.Ne
            || (instruction.Op is Op.Add or Op.Mul or Op.And or Op.Or or Op.Xor or Op.Min or Op.MinU or Op.Max or Op.MaxU
                && !instruction.Type.IsFloat);
    }
}
