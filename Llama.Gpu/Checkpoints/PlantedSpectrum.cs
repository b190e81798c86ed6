using System.Collections.Immutable;
using System.Globalization;

namespace Llama.Gpu.Checkpoints;

/// <summary>The shape of a spectrum that a synthetic matrix is made with.</summary>
public enum SpectrumKind
{
    /// <summary>All singular values alike.</summary>
    Flat,

    /// <summary>The first so many alike, the others 0.</summary>
    Rank,

    /// <summary>The n-th is n to the power of minus so much.</summary>
    Power,

    /// <summary>Each is so much times the one before.</summary>
    Exponential,
}

/// <summary>
/// Singular values that the heads of a synthetic checkpoint are made with: what <c>synth --spectrum</c> reads as <c>flat</c>,
/// <c>rank:4</c>, <c>power:1.5</c> or <c>exp:0.9</c>.
/// </summary>
/// <param name="Kind">The shape.</param>
/// <param name="Parameter">The rank, the exponent, or the ratio of neighbours; 0 for <see cref="SpectrumKind.Flat"/>.</param>
public sealed record PlantedSpectrum(SpectrumKind Kind, double Parameter)
{
    /// <summary>Reads a spectrum.</summary>
    /// <exception cref="FormatException">Not a spectrum; says what was expected and what was found.</exception>
    public static PlantedSpectrum Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        double parameter = 0;
        bool hasNumber = parts.Length == 2
            && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out parameter)
            && double.IsFinite(parameter);
        return (parts[0], hasNumber) switch
        {
            ("flat", false) when parts.Length == 1 => new(SpectrumKind.Flat, 0),
            ("rank", true) when parameter >= 1 && parameter == Math.Floor(parameter) => new(SpectrumKind.Rank, parameter),
            ("power", true) when parameter >= 0 => new(SpectrumKind.Power, parameter),
            ("exp", true) when parameter is > 0 and <= 1 => new(SpectrumKind.Exponential, parameter),
            _ => throw new FormatException($"spectrum: expected flat, rank:N, power:X or exp:X (X up to 1), found '{text}'"),
        };
    }

    /// <summary>Reads one spectrum for q, k, v and o, or one for some of them each: <c>q=rank:4,o=power:1</c>.</summary>
    /// <returns>By the letter of the matrix.</returns>
    /// <exception cref="FormatException">No such matrix, or not a spectrum.</exception>
    public static ImmutableDictionary<char, PlantedSpectrum> ParseAll(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        const string Matrices = "qkvo";
        if (!text.Contains('=', StringComparison.Ordinal))
        {
            PlantedSpectrum all = Parse(text);
            return Matrices.ToImmutableDictionary(matrix => matrix, _ => all);
        }

        var found = ImmutableDictionary.CreateBuilder<char, PlantedSpectrum>();
        foreach (string part in text.Split(','))
        {
            if (part.Length < 3 || part[1] != '=' || !Matrices.Contains(part[0], StringComparison.Ordinal) || !found.TryAdd(part[0], Parse(part[2..])))
            {
                throw new FormatException($"spectrum: expected q=..., k=..., v=... or o=..., each once, found '{part}'");
            }
        }

        return found.ToImmutable();
    }

    /// <summary>The singular values of a head, largest first; the root of the sum of their squares is <paramref name="norm"/>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="norm">Frobenius norm of the head's matrix.</param>
    public double[] Values(int count, double norm)
    {
        double[] values = [.. Enumerable.Range(0, count).Select(i => Kind switch
        {
            SpectrumKind.Rank => i < Parameter ? 1.0 : 0.0,
            SpectrumKind.Power => Math.Pow(i + 1, -Parameter),
            SpectrumKind.Exponential => Math.Pow(Parameter, i),
            _ => 1.0,
        })];
        double scale = norm / Math.Sqrt(values.Sum(value => value * value));
        return [.. values.Select(value => value * scale)];
    }
}
