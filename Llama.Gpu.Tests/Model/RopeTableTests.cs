using Llama.Gpu.Model;
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
