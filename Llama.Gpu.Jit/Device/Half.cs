using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit;

/// <summary>
/// IEEE 754 binary16 under ILGPU's name (a kernel cannot use <see cref="System.Half"/>).
/// A storage type: kernels convert to <see cref="float"/>, compute, and convert back.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 2)]
public readonly struct Half : IEquatable<Half>
{
    /// <summary>The sixteen bits as stored.</summary>
    public readonly ushort Bits;

    private Half(ushort bits) => Bits = bits;

    /// <summary>Reinterprets sixteen bits as a value.</summary>
    public static Half FromBits(ushort bits) => new(bits);

    /// <summary>Widens; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator float(Half value) => (float)BitConverter.UInt16BitsToHalf(value.Bits);

    /// <summary>Rounds to nearest, ties to even; overflows to infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static explicit operator Half(float value) => new(BitConverter.HalfToUInt16Bits((System.Half)value));

    /// <summary>Equality of values, as IEEE compares them.</summary>
    public static bool operator ==(Half left, Half right) => (float)left == (float)right;

    /// <summary>Negation of <c>==</c>.</summary>
    public static bool operator !=(Half left, Half right) => !(left == right);

    /// <inheritdoc/>
    public bool Equals(Half other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Half other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
