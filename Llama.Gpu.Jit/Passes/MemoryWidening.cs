using System.Numerics;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Makes one wide load or store of neighbouring ones in a block, where the address is known to be aligned for it and nothing between
/// them may touch the same memory: loads move up to the first, stores down to the last.
/// </summary>
internal sealed class MemoryWidening
{
    private const int LeastBytes = 4;
    private const int OpenGroups = 64;
    private const int PassedStores = 64;
    private readonly PassOptions _options;
    private readonly Alignment _alignment;
    private readonly UniformValues _uniform;
    private readonly List<Group> _open = [];
    private readonly Dictionary<Instruction, Instruction[]> _before = [];
    private readonly HashSet<Instruction> _gone = [];

    private MemoryWidening(IrFunction function, PassOptions options)
    {
        _options = options;
        _alignment = new Alignment(function, options);
        _uniform = new UniformValues(function);
    }

    public static void Run(IrFunction function, PassOptions options)
    {
        var pass = new MemoryWidening(function, options);
        foreach (IrBlock block in function.Blocks)
        {
            pass.Widen(block);
        }
    }

    private void Widen(IrBlock block)
    {
        for (int i = 0; i < block.Instructions.Count; i++)
        {
            Visit(block.Instructions[i]);
        }

        CloseAll();
        if (_before.Count > 0)
        {
            List<Instruction> widened =
            [
                .. block.Instructions.SelectMany(instruction => _gone.Contains(instruction)
                    ? _before.GetValueOrDefault(instruction, [])
                    : [.. _before.GetValueOrDefault(instruction, []), instruction]),
            ];
            block.Instructions.Clear();
            block.Instructions.AddRange(widened);
            _before.Clear();
            _gone.Clear();
        }
    }

    private void Visit(Instruction instruction)
    {
        if (instruction.Op != Op.Load && !instruction.HasEffect)
        {
            return;
        }

        bool isAccess = instruction.Op is Op.Load or Op.Store;
        MemoryAccess access = isAccess ? MemoryAccess.Of(instruction) : default;
        IrType type = instruction.Op == Op.Store ? instruction.Operands[1].Type : instruction.Type;
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            Group group = _open[i];
            bool conflicts = instruction.Op switch
            {
                Op.Load => group.IsStore && group.Extent.MayOverlap(access),
                Op.Store when group.Takes(instruction, access, type) => false,
                Op.Store => group.Passed.Count == PassedStores || group.Extent.MayOverlap(access),
                Op.Atomic or Op.CompareExchange => true,
                _ => group.Extent.MayBeWrittenBy(instruction) || (group.IsStore && group.Extent.MayBeReadBy(instruction)),
            };
            if (conflicts)
            {
                Close(group);
                _open.RemoveAt(i);
            }
            else if (instruction.Op == Op.Store && !group.IsStore)
            {
                group.Passed.Add(access);
            }
        }

        if (!isAccess || type.Width > 1 || !(type.IsInteger || type.IsFloat)
            || (access.Space == AddressSpace.Local && !_options.WidensLocalMemory)
            || (!_options.WidensUniformAccess && _uniform.Contains(access.Root)))
        {
            return;
        }

        Group? mine = _open.Find(group => group.Takes(instruction, access, type));
        if (mine is not null && mine.Passed.Exists(access.MayOverlap))
        {
            // it cannot move up over a store that may have written what it reads
            Close(mine);
            _open.Remove(mine);
            mine = null;
        }

        if (mine is null)
        {
            if (_open.Count == OpenGroups)
            {
                CloseAll();
            }

            _open.Add(mine = new Group(access, type, instruction.Op == Op.Store));
        }

        mine.Add(instruction, access);
    }

    private void CloseAll()
    {
        _open.ForEach(Close);
        _open.Clear();
    }

    private void Close(Group group)
    {
        int size = group.Type.Bytes;
        long offset = long.MinValue;
        foreach (long start in group.Members.Keys.ToArray())
        {
            if (start < offset)
            {
                continue;
            }

            // the widest first
            for (int width = Math.Min(8, _options.MaxVectorBytes / size); width >= 2; width /= 2)
            {
                int bytes = width * size;
                bool whole = bytes >= LeastBytes && int.IsPow2(width)
                    && Enumerable.Range(1, width - 1).All(i => group.Members.ContainsKey(start + (i * (long)size)));
                if (whole && (!_options.WideAccessIsAligned || IsAligned(group, start, bytes)))
                {
                    Combine(group, [.. Enumerable.Range(0, width).Select(i => group.Members[start + (i * (long)size)])], start);
                    offset = start + bytes;
                    break;
                }
            }
        }
    }

    private bool IsAligned(Group group, long start, int bytes)
    {
        int zeros = Math.Min(_alignment.Zeros(group.Extent.Root), BitOperations.TrailingZeroCount(start));
        return zeros >= BitOperations.Log2((uint)bytes) || group.Members[start].Instruction.Immediate >= bytes;
    }

    private void Combine(Group group, (Instruction Instruction, int Index)[] members, long start)
    {
        Instruction place = group.IsStore ? members.MaxBy(member => member.Index).Instruction : members.MinBy(member => member.Index).Instruction;
        IrType vector = group.Type with { Width = members.Length };
        Instruction Make(Op op, IrType type, long immediate, params IrValue[] operands) => new(op, type, operands, immediate, place.Source);

        long alignment = _options.WideAccessIsAligned ? vector.Bytes : group.Members[start].Instruction.Immediate;
        Instruction offset = Make(Op.Constant, IrType.I64, start);
        Instruction address = Make(Op.Offset, group.Extent.Root.Type, 0, group.Extent.Root, offset);
        if (group.IsStore)
        {
            Instruction value = Make(Op.BuildVector, vector, 0, [.. members.Select(member => member.Instruction.Operands[1])]);
            _before.Add(place, [offset, address, value, Make(Op.Store, IrType.Void, alignment, address, value)]);
            _gone.UnionWith(members.Select(member => member.Instruction));
            return;
        }

        var load = new Instruction(Op.Load, vector, [address], alignment, place.Source)
        {
            IsStreamed = Array.TrueForAll(members, member => member.Instruction.IsStreamed),
        };
        _before.Add(place, [offset, address, load]);
        for (int i = 0; i < members.Length; i++)
        {
            Instruction member = members[i].Instruction;
            member.Op = Op.Extract;
            member.Operands = [load];
            member.Immediate = i;
        }
    }

    /// <summary>Loads, or stores, of one type around one address, with nothing in between that forbids to do them at once.</summary>
    private sealed class Group(MemoryAccess first, IrType type, bool isStore)
    {
        private int _count;

        public IrType Type { get; } = type;

        public bool IsStore { get; } = isStore;

        /// <summary>All bytes from the first to the last.</summary>
        public MemoryAccess Extent { get; private set; } = first;

        /// <summary>Stores since the first load, to other memory than the loads so far.</summary>
        public List<MemoryAccess> Passed { get; } = [];

        /// <summary>By offset, with the order in which they came.</summary>
        public SortedDictionary<long, (Instruction Instruction, int Index)> Members { get; } = [];

        public bool Takes(Instruction instruction, MemoryAccess access, IrType type) =>
            IsStore == (instruction.Op == Op.Store) && type == Type && access.Root == Extent.Root
            && !Members.ContainsKey(access.Offset) && (access.Offset - Extent.Offset) % type.Bytes == 0;

        public void Add(Instruction instruction, MemoryAccess access)
        {
            Members.Add(access.Offset, (instruction, _count++));
            long start = Math.Min(Extent.Offset, access.Offset);
            long end = Math.Max(Extent.Offset + Extent.Bytes, access.Offset + access.Bytes);
            Extent = Extent with { Offset = start, Bytes = (int)(end - start) };
        }
    }
}
