using System.Reflection;
using System.Reflection.Metadata;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>A stretch of IL that is entered at its start and left at its end.</summary>
internal sealed class IlBlock
{
    /// <summary>Index of its first instruction.</summary>
    public int First { get; init; }

    /// <summary>Index after its last instruction.</summary>
    public int End { get; init; }

    /// <summary>Blocks it leads to; a conditional branch names its target first, then what follows it.</summary>
    public IlBlock[] Successors { get; set; } = [];

    /// <summary>Position in <see cref="IlMethod.Order"/>.</summary>
    public int Position { get; set; } = -1;

    /// <summary>For the head of a loop the last position of a block that jumps back to it; else -1.</summary>
    public int LastBackEdge { get; set; } = -1;

    /// <summary>For the head of a loop the variables that may change within; else empty.</summary>
    public HashSet<(bool Argument, int Index)> Assigned { get; } = [];
}

/// <summary>The body of a method as blocks, in an order in which all that leads to a block, but for loops, comes before it.</summary>
internal sealed class IlMethod
{
    private readonly List<IlBlock> _blocks = [];

    public IlMethod(MethodBase method, MethodBody body)
    {
        Instructions = IlReader.Read(body.GetILAsByteArray()!);
        Locals = [.. body.LocalVariables.OrderBy(local => local.LocalIndex).Select(local => local.LocalType)];
        int argument = method.IsStatic ? 0 : 1;
        Arguments = [
            .. method.IsStatic ? Array.Empty<Type>()
                : [method.DeclaringType!.IsValueType ? method.DeclaringType.MakeByRefType() : method.DeclaringType],
            .. method.GetParameters().Select(parameter => parameter.ParameterType)];
        Split();
        Sort();
        FindLoops();
    }

    public List<IlInstruction> Instructions { get; }

    /// <summary>Types of the local variables.</summary>
    public Type[] Locals { get; }

    /// <summary>Types of the arguments, with the instance first.</summary>
    public Type[] Arguments { get; }

    /// <summary>The blocks that can be reached, in reverse postorder; the first is where the method begins.</summary>
    public List<IlBlock> Order { get; } = [];

    /// <summary>Variables that a reference is made to: they may change through it.</summary>
    public HashSet<(bool Argument, int Index)> Referenced { get; } = [];

    /// <summary>The variable that an instruction writes, or null.</summary>
    public static (bool Argument, int Index)? Written(IlInstruction instruction) => instruction.Code switch
    {
        >= ILOpCode.Stloc_0 and <= ILOpCode.Stloc_3 => (false, instruction.Code - ILOpCode.Stloc_0),
        ILOpCode.Stloc or ILOpCode.Stloc_s => (false, (int)instruction.Operand),
        ILOpCode.Starg or ILOpCode.Starg_s => (true, (int)instruction.Operand),
        _ => null,
    };

    private void Split()
    {
        var index = new Dictionary<int, int>();
        var starts = new SortedSet<int> { 0 };
        for (int i = 0; i < Instructions.Count; i++)
        {
            index.Add(Instructions[i].Offset, i);
        }

        for (int i = 0; i < Instructions.Count; i++)
        {
            IlInstruction instruction = Instructions[i];
            if (instruction.Code is ILOpCode.Ldloca or ILOpCode.Ldloca_s or ILOpCode.Ldarga or ILOpCode.Ldarga_s)
            {
                Referenced.Add((instruction.Code is ILOpCode.Ldarga or ILOpCode.Ldarga_s, (int)instruction.Operand));
            }

            foreach (int target in Targets(instruction))
            {
                starts.Add(index[target]);
            }

            if (EndsBlock(instruction.Code) && i + 1 < Instructions.Count)
            {
                starts.Add(i + 1);
            }
        }

        int[] firsts = [.. starts];
        var byFirst = new Dictionary<int, IlBlock>();
        for (int i = 0; i < firsts.Length; i++)
        {
            var block = new IlBlock { First = firsts[i], End = i + 1 < firsts.Length ? firsts[i + 1] : Instructions.Count };
            _blocks.Add(block);
            byFirst.Add(block.First, block);
        }

        foreach (IlBlock block in _blocks)
        {
            IlInstruction last = Instructions[block.End - 1];
            var successors = Targets(last).Select(target => byFirst[index[target]]).ToList();
            if (!LeavesForGood(last.Code))
            {
                successors.Add(byFirst[block.End]);
            }

            block.Successors = [.. successors];
        }
    }

    // depth first; what stands later is visited first, so that the order stays close to that of the source
    private void Sort()
    {
        var seen = new HashSet<IlBlock> { _blocks[0] };
        var path = new Stack<(IlBlock Block, Queue<IlBlock> Ways)>();
        void Enter(IlBlock block) => path.Push((block, new(block.Successors.OrderByDescending(successor => successor.First))));
        Enter(_blocks[0]);
        while (path.TryPeek(out var top))
        {
            if (!top.Ways.TryDequeue(out IlBlock? next))
            {
                Order.Add(path.Pop().Block);
            }
            else if (seen.Add(next))
            {
                Enter(next);
            }
        }

        Order.Reverse();
        for (int i = 0; i < Order.Count; i++)
        {
            Order[i].Position = i;
        }
    }

    private void FindLoops()
    {
        var predecessors = Order.ToDictionary(block => block, _ => new List<IlBlock>());
        foreach (IlBlock block in Order)
        {
            foreach (IlBlock successor in block.Successors)
            {
                predecessors[successor].Add(block);
            }
        }

        foreach (IlBlock head in Order)
        {
            IlBlock[] back = [.. predecessors[head].Where(from => from.Position >= head.Position)];
            if (back.Length == 0)
            {
                continue;
            }

            head.LastBackEdge = back.Max(from => from.Position);
            var inside = new HashSet<IlBlock> { head };
            var waiting = new Stack<IlBlock>(back);
            while (waiting.TryPop(out IlBlock? block))
            {
                if (inside.Add(block))
                {
                    predecessors[block].Where(from => from.Position > head.Position).ToList().ForEach(waiting.Push);
                }
            }

            head.Assigned.UnionWith(inside.SelectMany(block => Instructions[block.First..block.End]).Select(Written).OfType<(bool, int)>());
        }
    }

    private static int[] Targets(IlInstruction instruction) =>
        instruction.Code == ILOpCode.Switch ? instruction.Targets
        : instruction.Code.IsBranch() ? [(int)instruction.Operand]
        : [];

    private static bool EndsBlock(ILOpCode code) => code == ILOpCode.Switch || code.IsBranch() || LeavesForGood(code);

    private static bool LeavesForGood(ILOpCode code) =>
        code is ILOpCode.Br or ILOpCode.Br_s or ILOpCode.Leave or ILOpCode.Leave_s or ILOpCode.Ret or ILOpCode.Throw or ILOpCode.Rethrow
            or ILOpCode.Endfinally or ILOpCode.Endfilter or ILOpCode.Jmp;
}
