using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Model;

/// <summary>Rotary frequencies against recorded values and against the formulas' own properties.</summary>
public sealed class RopeTableTests
{
    private static readonly LlamaConfig Llama3 = new()
    {
        VocabularySize = 128256,
        HiddenSize = 4096,
        IntermediateSize = 14336,
        LayerCount = 32,
        HeadCount = 32,
        KeyValueHeadCount = 8,
        HeadDim = 128,
        MaxPositions = 8192,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 500000,
    };

    [Test]
    public void Frequencies_of_Llama_3_begin_and_end_as_recorded()
    {
        double[] frequencies = RopeTable.Frequencies(Llama3);
        Assert.Multiple(() =>
        {
            Assert.That(frequencies, Has.Length.EqualTo(64));
            Assert.That(frequencies[0], Is.EqualTo(1.0));
            Assert.That(frequencies[1], Is.EqualTo(0.81462).Within(5e-6));
            Assert.That(frequencies[2], Is.EqualTo(0.66360).Within(5e-6));
            Assert.That(frequencies[63], Is.EqualTo(2.4551e-06).Within(5e-11));
        });
    }

    // tools/tiny-model/rope_frequencies.py wrote them by Meta's formula: Llama 3, 3.1 (factor 8), 3.2 (factor 32, heads 64 and 128 wide)
    [TestCase("llama-3-8b")]
    [TestCase("llama-3.1-8b")]
    [TestCase("llama-3.2-1b")]
    [TestCase("llama-3.2-3b")]
    public void Frequencies_of_a_published_model_are_the_recorded_ones(string preset)
    {
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RepositoryFolder.Fixtures("Model"), "rope-frequencies.json")));
        double[] expected = [.. recorded.RootElement.GetProperty(preset).EnumerateArray().Select(value => value.GetDouble())];
        double[] found = RopeTable.Frequencies(SyntheticPresets.Get(preset));
        Assert.That(found, Has.Length.EqualTo(expected.Length));
        Assert.That(found.Zip(expected, (f, e) => Math.Abs(f / e - 1)).Max(), Is.LessThan(1e-12));
    }

    [Test]
    public void Linear_scaling_divides_every_frequency()
    {
        double[] plain = RopeTable.Frequencies(Llama3);
        double[] scaled = RopeTable.Frequencies(Llama3 with { RopeScaling = new LinearRopeScaling(4) });
        Assert.That(scaled, Is.EqualTo(plain.Select(frequency => frequency / 4)).Within(1e-15));
    }

    [Test]
    public void Llama3_scaling_keeps_short_waves_and_stretches_long_ones()
    {
        double[] plain = RopeTable.Frequencies(Llama3);
        double[] scaled = RopeTable.Frequencies(Llama3 with { RopeScaling = new Llama3RopeScaling(8, 1, 4, 8192) });
        for (int i = 0; i < plain.Length; i++)
        {
            double wavelength = 2 * Math.PI / plain[i];
            double stretch = plain[i] / scaled[i];
            Assert.That(
                stretch,
                wavelength < 8192.0 / 4 ? Is.EqualTo(1).Within(1e-12) : wavelength > 8192 ? Is.EqualTo(8).Within(1e-12) : Is.InRange(1, 8),
                $"pair {i}");
        }
    }

    [Test]
    public void Table_holds_sines_and_cosines_by_position()
    {
        RopeTable table = RopeTable.Create(Llama3, 5);
        Assert.Multiple(() =>
        {
            Assert.That(table.Cosines, Has.Length.EqualTo(5 * 64));
            Assert.That(table.Cosines[0], Is.EqualTo(1f));
            Assert.That(table.Sines[(3 * 64) + 0], Is.EqualTo((float)Math.Sin(3)));
            Assert.That(table.Cosines[(4 * 64) + 1], Is.EqualTo((float)Math.Cos(4 * Math.Pow(500000, -2.0 / 128))));
        });
    }
}
