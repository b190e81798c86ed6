using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Where a kernel's shared and local allocations lie: offsets in the group's memory and in the lanes' memory.</summary>
internal sealed class MemoryLayout
{
    private const int Alignment = 64;

    // of what boxes are copied to
    private const int BoxAlignment = 1024;

    private readonly Dictionary<Instruction, int> _offsets = [];
    private readonly IReadOnlyDictionary<Instruction, int> _interleaved;

    /// <param name="function">The kernel.</param>
    /// <param name="maxLanes">Lanes of the largest group.</param>
    /// <param name="interleaved">Local arrays whose elements lie side by side over the lanes of a vector, with the bytes of an element.</param>
    public MemoryLayout(IrFunction function, int maxLanes, IReadOnlyDictionary<Instruction, int> interleaved)
    {
        _interleaved = interleaved;
        bool hasBoxes = function.Instructions.Any(instruction => instruction.IsOfWarpGroups);
        foreach (Instruction instruction in function.Instructions)
        {
            if (instruction.Op == Op.AllocateShared)
            {
                if (hasBoxes && instruction.Immediate % BoxAlignment == 0)
                {
                    SharedBytes = (SharedBytes + BoxAlignment - 1) & -BoxAlignment;
                }

                _offsets.Add(instruction, SharedBytes);
                SharedBytes = Align(SharedBytes + instruction.Immediate);
            }
            else if (instruction.Op == Op.AllocateLocal)
            {
                _offsets.Add(instruction, LocalBytes);
                LocalBytes = Align(LocalBytes + (instruction.Immediate * maxLanes));
            }
        }
    }

    /// <summary>Bytes that the kernel allocates for each group.</summary>
    public int SharedBytes { get; private set; }

    /// <summary>Bytes that the kernel allocates for the lanes of a group.</summary>
    public int LocalBytes { get; private set; }

    /// <summary>Offset of an allocation.</summary>
    public int this[Instruction allocation] => _offsets[allocation];

    /// <summary>Bytes between the local arrays of neighbouring lanes of a vector.</summary>
    public long LaneStride(Instruction allocation) => _interleaved.TryGetValue(allocation, out int size) ? size : allocation.Immediate;

    private static int Align(long bytes) => checked((int)((bytes + Alignment - 1) & -Alignment));
}
