using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Jit;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

/// <summary>The 16-bit types: every pattern there and back, and rounding to the nearest, ties to even.</summary>
public sealed class StoredNumberTests
{
    [Test]
    public void Every_bfloat16_survives_widening()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            BFloat16 value = BFloat16.FromBits((ushort)bits);
            BFloat16 back = (BFloat16)(float)value;
            Assert.That(float.IsNaN(value) ? float.IsNaN(back) : back.Bits == bits, Is.True, $"{bits:X4}");
        }
    }

    [Test]
    public void Every_half_widens_as_the_framework_does()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            Assert.That((float)Llama.Gpu.Jit.Half.FromBits((ushort)bits), Is.EqualTo(expected));
        }
    }

    [Test]
    public void Rounding_to_bfloat16_takes_the_nearest() => Prop.ForAll(
        ArbMap.Default.ArbFor<float>().Filter(float.IsFinite),
        value =>
        {
            BFloat16 rounded = (BFloat16)value;
            if (float.IsInfinity(rounded))
            {
                return MathF.Abs(value) >= 3.3961775e38f;
            }

            double error = Math.Abs((double)rounded - value);
            return new[] { -1, 1 }.All(step =>
            {
                float neighbour = BFloat16.FromBits((ushort)(rounded.Bits + step));
                double other = Math.Abs((double)neighbour - value);
                return !float.IsFinite(neighbour) || error < other || (error == other && (rounded.Bits & 1) == 0) || rounded.Bits is 0 or 0x8000;
            });
        }).QuickCheckThrowOnFailure();

    [TestCase(1.00390625f, (ushort)0x3F80)] // halfway between 1 and the next: to even
    [TestCase(1.01171875f, (ushort)0x3F82)] // halfway, up to even
    [TestCase(float.MaxValue, (ushort)0x7F80)]
    [TestCase(float.NegativeInfinity, (ushort)0xFF80)]
    [TestCase(-0f, (ushort)0x8000)]
    public void Rounding_to_bfloat16_at_the_edges(float value, ushort expected) =>
        Assert.That(((BFloat16)value).Bits, Is.EqualTo(expected));

    [Test]
    public void Signalling_NaN_stays_a_NaN() =>
        Assert.That(float.IsNaN((BFloat16)BitConverter.UInt32BitsToSingle(0x7F800001)), Is.True);
}
