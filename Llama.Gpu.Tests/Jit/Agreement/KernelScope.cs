namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>Where in a kernel the generator stands: what it may name, and what all lanes of a group do there.</summary>
/// <param name="Depth">Statements around this one.</param>
/// <param name="Uniform">Whether all lanes of the group come here together, so that a barrier may stand here.</param>
/// <param name="Loop">The innermost loop.</param>
internal sealed record KernelScope(int Depth, bool Uniform, LoopKind Loop)
{
    /// <summary>Variables that can be written, by type.</summary>
    public required IReadOnlyDictionary<NumberType, string[]> Variables { get; init; }

    /// <summary>Ints that are only read: counters of loops.</summary>
    public string[] Counters { get; init; } = [];

    /// <summary>Ints that are the same for every lane of the group and never written.</summary>
    public string[] UniformInts { get; init; } = ["n", "Grid.IdxX", "Group.DimX"];

    public KernelScope Inside(bool uniform) => this with { Depth = Depth + 1, Uniform = Uniform && uniform };

    public KernelScope With(NumberType type, string variable) => this with
    {
        Variables = new Dictionary<NumberType, string[]>(Variables) { [type] = [.. Variables[type], variable] },
    };
}

internal enum NumberType
{
    Int,
    UInt,
    Long,
    Float,
}

internal enum LoopKind
{
    /// <summary>Not in a loop.</summary>
    None,

    /// <summary>All lanes take the same turns: left early only by all of them.</summary>
    Uniform,

    /// <summary>Each lane takes its own turns.</summary>
    Divergent,
}
