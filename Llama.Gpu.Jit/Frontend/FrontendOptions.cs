namespace Llama.Gpu.Jit.Frontend;

/// <summary>What the frontend may take for granted of the accelerator.</summary>
internal sealed record FrontendOptions
{
    /// <summary>Lanes of a warp, which then is a constant in the code; null leaves it to the backend.</summary>
    public int? WarpSize { get; init; }

    /// <summary>
    /// Flattened arguments that are constants in the code, by their number: the bits, as a launch would pass them. They stay among the
    /// function's parameters.
    /// </summary>
    public IReadOnlyDictionary<int, long> Constants { get; init; } = new Dictionary<int, long>();

    /// <summary>Whether the target has a use for <see cref="Ir.Op.Prefetch"/>.</summary>
    public bool Prefetches { get; init; }
}
