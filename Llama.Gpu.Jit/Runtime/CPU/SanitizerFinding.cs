namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>A fault that the sanitizer found at the end of a turn. It knows the two turns, but not yet their C# lines.</summary>
internal sealed class SanitizerFinding(SanitizerFault fault, CPUMemoryBuffer buffer, long offset, int size, LaneTurn turn, LaneTurn? other)
    : Exception
{
    public SanitizerFault Fault => fault;

    public CPUMemoryBuffer Buffer => buffer;

    /// <summary>First byte of the element in the buffer.</summary>
    public long Offset => offset;

    /// <summary>Bytes of the element.</summary>
    public int Size => size;

    /// <summary>The turn at whose end it was found.</summary>
    public LaneTurn Turn => turn;

    /// <summary>The turn before that it collides with.</summary>
    public LaneTurn? Other => other;

    public bool Overlaps(CPUMemoryBuffer touched, long start, int length) =>
        touched == buffer && start < offset + size && offset < start + length;
}

/// <summary>Kinds of <see cref="SanitizerFinding"/>.</summary>
internal enum SanitizerFault
{
    /// <summary>Read after another lane's write.</summary>
    ReadAfterWrite,

    /// <summary>Write after another lane's read.</summary>
    WriteAfterRead,

    /// <summary>Write after another lane's write.</summary>
    WriteAfterWrite,

    /// <summary>Read of shared memory nobody wrote.</summary>
    UninitializedRead,
}

/// <summary>A stretch of a lane between two points where it waits.</summary>
/// <param name="Number">Number within the launch, from 1 on: the same each time the launch is repeated.</param>
/// <param name="GroupNumber">Number of the group within the launch.</param>
/// <param name="Group">Index of the group.</param>
/// <param name="LaneNumber">Linear index of the lane.</param>
/// <param name="Lane">Index of the lane.</param>
/// <param name="Interval">Barriers that the group has passed.</param>
/// <param name="Warp">Number of the lane's warp.</param>
/// <param name="WarpInterval">Warp barriers that the warp has passed.</param>
internal sealed record LaneTurn(
    int Number, int GroupNumber, Index3D Group, int LaneNumber, Index3D Lane, int Interval, int Warp, int WarpInterval)
{
    /// <summary>Whether nothing orders the two turns.</summary>
    public bool IsConcurrentWith(LaneTurn other)
    {
        if (GroupNumber != other.GroupNumber)
        {
            return true;
        }

        return LaneNumber != other.LaneNumber && Interval == other.Interval && (Warp != other.Warp || WarpInterval == other.WarpInterval);
    }
}
