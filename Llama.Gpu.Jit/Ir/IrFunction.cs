namespace Llama.Gpu.Jit.Ir;

/// <summary>A kernel parameter as it is passed: structs are taken apart into their primitive fields, a view into address and length.</summary>
/// <param name="Name">Path in the source, such as <c>input.Length</c>.</param>
/// <param name="Type">A scalar, a pointer to global memory, or for a tensor map <c>ptr.parameter</c>.</param>
/// <param name="Argument">Which of the method's own parameters it is part of.</param>
internal sealed record IrParameter(string Name, IrType Type, int Argument);

/// <summary>A kernel: all that it calls is built into it.</summary>
internal sealed class IrFunction(string name)
{
    /// <summary>An identifier in any target language.</summary>
    public string Name { get; } = name;

    /// <summary>The most lanes of a group, where the kernel says so.</summary>
    public int? GroupSize { get; init; }

    /// <summary>Groups of a cluster; 1 where there is none.</summary>
    public int ClusterSize { get; init; } = 1;

    public List<IrParameter> Parameters { get; } = [];

    /// <summary>The blocks; the first is where a lane begins, and nothing jumps to it. Every block can be reached.</summary>
    public List<IrBlock> Blocks { get; } = [];

    public IrBlock Entry => Blocks[0];

    public IEnumerable<Instruction> Instructions => Blocks.SelectMany(block => block.Instructions);
}
