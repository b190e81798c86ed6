using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit;

/// <summary>
/// Brain floating point: the upper 16 bits of an IEEE 754 single (1 sign, 8 exponent, 7 mantissa bits).
/// A storage type: kernels convert to <see cref="float"/>, compute, and convert back.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 2)]
public readonly struct BFloat16 : IEquatable<BFloat16>
{
    /// <summary>The sixteen bits as stored.</summary>
    public readonly ushort Bits;

    private BFloat16(ushort bits) => Bits = bits;

    /// <summary>Reinterprets sixteen bits as a value.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>Widens; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator float(BFloat16 value) => Interop.IntAsFloat((uint)value.Bits << 16);

    /// <summary>Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static explicit operator BFloat16(float value)
    {
        uint bits = Interop.FloatAsInt(value);
        if ((bits & 0x7FFF_FFFFu) > 0x7F80_0000u)
        {
            return new((ushort)((bits >> 16) | 0x40u));
        }

        uint roundingBias = 0x7FFFu + ((bits >> 16) & 1u);
        return new((ushort)((bits + roundingBias) >> 16));
    }

    /// <summary>Equality of values, as IEEE compares them.</summary>
    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == (float)right;

    /// <summary>Negation of <c>==</c>.</summary>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !(left == right);

    /// <inheritdoc/>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
