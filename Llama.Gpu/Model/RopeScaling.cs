namespace Llama.Gpu.Model;

/// <summary>How rotary frequencies are stretched for contexts longer than those trained on.</summary>
public abstract record RopeScaling;

/// <summary>Every frequency divided by <paramref name="Factor"/> (<c>rope_type: linear</c>).</summary>
/// <param name="Factor">At least 1.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling;

/// <summary>
/// Llama 3.1's scaling (<c>rope_type: llama3</c>): long wavelengths divided by the factor, short ones kept, those between blended.
/// </summary>
/// <param name="Factor">Stretch of the long wavelengths.</param>
/// <param name="LowFrequencyFactor">Wavelengths above original positions over this are fully stretched.</param>
/// <param name="HighFrequencyFactor">Wavelengths below original positions over this are kept; above <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalMaxPositions">Context length before scaling.</param>
public sealed record Llama3RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions)
    : RopeScaling;
