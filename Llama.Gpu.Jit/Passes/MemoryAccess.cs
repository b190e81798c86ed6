using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>Bytes that a load, store or atomic touches, as far as they are known.</summary>
/// <param name="Root">What the address is counted from, every constant offset taken off.</param>
/// <param name="Offset">Constant bytes from there.</param>
/// <param name="Bytes">How many.</param>
/// <param name="Space">Memory of the pointer.</param>
internal readonly record struct MemoryAccess(IrValue Root, long Offset, int Bytes, AddressSpace Space)
{
    // chains of offsets are short once constants are gathered
    private const int Depth = 16;

    public static MemoryAccess Of(Instruction instruction)
    {
        IrValue pointer = instruction.Operands[0];
        int bytes = (instruction.Op == Op.Load ? instruction.Type : instruction.Operands[1].Type).Bytes;
        (IrValue root, long offset) = Split(pointer);
        return new(root, offset, bytes, pointer.Type.Space);
    }

    /// <summary>What an asynchronous copy writes, at any time until it is waited for.</summary>
    public static MemoryAccess TargetOf(Instruction copy)
    {
        (IrValue root, long offset) = Split(copy.Operands[0]);
        return new(root, offset, (int)copy.Immediate, AddressSpace.Shared);
    }

    /// <summary>A pointer as another one and the constant bytes from there.</summary>
    public static (IrValue Root, long Offset) Split(IrValue pointer)
    {
        long offset = 0;
        while (pointer is Instruction { Op: Op.Offset } instruction && ConstantEvaluator.IsConstant(instruction.Operands[1], out long bytes))
        {
            offset += bytes;
            pointer = instruction.Operands[0];
        }

        return (pointer, offset);
    }

    /// <summary>Whether an instruction may write what this access reads or writes.</summary>
    public bool MayBeWrittenBy(Instruction instruction) => instruction.Op switch
    {
        Op.Store or Op.Atomic or Op.CompareExchange => MayOverlap(Of(instruction)),
        Op.AsyncCopy => MayOverlap(TargetOf(instruction)),
        Op.TensorLoad or Op.AsyncBarrierInit or Op.AsyncBarrierArrive => Space is AddressSpace.Shared or AddressSpace.Generic,
        Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld => Space is AddressSpace.Local or AddressSpace.Generic,
        Op.WarpGroupWait => true,
        Op.AsyncBarrierWait => Space != AddressSpace.Local,
        Op.AsyncWait => Space is AddressSpace.Shared or AddressSpace.Generic,
        // what other lanes wrote becomes visible
        Op.Barrier or Op.ClusterBarrier or Op.WarpBarrier or Op.Fence => Space != AddressSpace.Local,
        _ => false,
    };

    /// <summary>Whether an instruction that writes nothing of its own may read what this access writes.</summary>
    public bool MayBeReadBy(Instruction instruction) => instruction.Op switch
    {
        Op.LoadMatrix => Space is AddressSpace.Shared or AddressSpace.Generic,
        Op.AsyncCopy or Op.TensorLoad => Space is AddressSpace.Global or AddressSpace.Generic,
        // others see behind these what was stored before
        Op.AsyncBarrierArrive or Op.WarpGroupFenceStores => Space != AddressSpace.Local,
        Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld => Space != AddressSpace.Global,
        _ => false,
    };

    public bool MayOverlap(MemoryAccess other)
    {
        if (Root == other.Root)
        {
            return Offset < other.Offset + other.Bytes && other.Offset < Offset + Bytes;
        }

        if (Space != other.Space && Space != AddressSpace.Generic && other.Space != AddressSpace.Generic)
        {
            return false;
        }

        // two allocations, or an allocation and a buffer, never overlap; two buffers may be the same one
        Instruction? mine = Object(Root);
        Instruction? theirs = Object(other.Root);
        return mine is null || theirs is null || mine == theirs || !(IsAllocation(mine) || IsAllocation(theirs));
    }

    private static bool IsAllocation(Instruction instruction) => instruction.Op is Op.AllocateLocal or Op.AllocateShared or Op.DynamicShared;

    // what a pointer was made from, if that is one thing
    private static Instruction? Object(IrValue pointer)
    {
        for (int i = 0; i < Depth && pointer is Instruction { Op: Op.Offset } offset; i++)
        {
            pointer = offset.Operands[0];
        }

        return pointer is Instruction { Op: Op.AllocateLocal or Op.AllocateShared or Op.DynamicShared or Op.Parameter } root ? root : null;
    }
}
