namespace Llama.Gpu.Jit.Ir;

/// <summary>Something that has a value: the result of an instruction, or a parameter of a block.</summary>
internal abstract class IrValue(IrType type)
{
    /// <summary>Its type; inference may make it more precise.</summary>
    public IrType Type { get; set; } = type;

    /// <summary>A name for printing, if the source had one.</summary>
    public string? Name { get; set; }
}

/// <summary>
/// A value that depends on where control came from: each jump to the block passes one. Takes the place of phi instructions.
/// </summary>
internal sealed class BlockParameter(IrBlock block, IrType type) : IrValue(type)
{
    public IrBlock Block { get; } = block;
}

/// <summary>One operation.</summary>
internal sealed class Instruction(Op op, IrType type, IrValue[] operands, long immediate, SourcePoint source) : IrValue(type)
{
    public Op Op { get; set; } = op;

    /// <summary>What it works on, in the order that <see cref="Op"/> states.</summary>
    public IrValue[] Operands { get; set; } = operands;

    /// <summary>The number that some operations carry.</summary>
    public long Immediate { get; set; } = immediate;

    /// <summary>The C# line it comes from.</summary>
    public SourcePoint Source { get; } = source;

    /// <summary>
    /// Of a <see cref="Op.Load"/>: what it reads is read once and written by nobody while the kernel runs, so that it need not stay in a
    /// cache. A hint, which changes no result.
    /// </summary>
    public bool IsStreamed { get; init; }

    /// <summary>Whether it does more than compute a value: it must stay where it is, used or not.</summary>
    public bool HasEffect => Op is Op.Store or Op.Prefetch or Op.Atomic or Op.CompareExchange or Op.Barrier or Op.WarpBarrier or Op.Fence
        or Op.Shuffle or Op.Broadcast or Op.MatrixMultiply or Op.LoadMatrix or Op.AsyncCopy or Op.AsyncCommit or Op.AsyncWait
        || IsOfWarpGroups;

    /// <summary>Whether it is one of those that came with warp groups: their products, barriers with phases, copies of boxes.</summary>
    public bool IsOfWarpGroups => Op is Op.AsyncBarrierInit or Op.AsyncBarrierArrive or Op.AsyncBarrierWait or Op.TensorLoad or Op.ClusterBarrier
        or Op.WarpGroupFence or Op.WarpGroupCommit or Op.WarpGroupWait or Op.WarpGroupFenceStores or Op.WarpGroupRegisters || IsWarpGroupProduct;

    /// <summary>Whether it is a product of a warp group, whose first operand is an array of the lane's own for the sums.</summary>
    public bool IsWarpGroupProduct => Op is Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld;
}

/// <summary>A C# line.</summary>
/// <param name="File">Path of the file; null where no debug information names one.</param>
/// <param name="Line">Line, from 1; 0 where it is not known.</param>
internal readonly record struct SourcePoint(string? File, int Line)
{
    /// <inheritdoc/>
    public override string ToString() => File is null ? "unknown line" : $"{Path.GetFileName(File)}:{Line}";
}
