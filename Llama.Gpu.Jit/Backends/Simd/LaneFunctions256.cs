using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>What lanes of 256-bit vectors do that is no method of .NET's vectors. Built into emitted code, found by name.</summary>
internal static unsafe class LaneFunctions256
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadI16(byte* source) => Vector256.WidenLower(Vector128.Load((short*)source).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadI8(byte* source) => Vector256.WidenLower(Vector256.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(source)).AsSByte().ToVector256Unsafe()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI16(Vector256<int> value, byte* target) => Vector128.Store(Vector256.Narrow(value, value).GetLower(), (short*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI8(Vector256<int> value, byte* target) => Unsafe.WriteUnaligned(target, Vector256.Narrow(Vector256.Narrow(value, value), Vector256<short>.Zero).AsInt64().ToScalar());

    /// <summary>Elements 0, 2, 4, ... of two vectors one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Even(Vector256<int> lower, Vector256<int> upper) =>
        Vector256.ConditionalSelect(
            Vector256.Create(-1, -1, -1, -1, 0, 0, 0, 0),
            Vector256.Shuffle(lower, Vector256.Create(0, 2, 4, 6, 0, 0, 0, 0)),
            Vector256.Shuffle(upper, Vector256.Create(0, 0, 0, 0, 0, 2, 4, 6)));

    /// <summary>Elements 1, 3, 5, ... of two vectors one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Odd(Vector256<int> lower, Vector256<int> upper) =>
        Vector256.ConditionalSelect(
            Vector256.Create(-1, -1, -1, -1, 0, 0, 0, 0),
            Vector256.Shuffle(lower, Vector256.Create(1, 3, 5, 7, 0, 0, 0, 0)),
            Vector256.Shuffle(upper, Vector256.Create(0, 0, 0, 0, 1, 3, 5, 7)));

    /// <summary>Each lane's value from the lane that it names; its own where that is none of the first <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Exchange(Vector256<int> value, Vector256<int> source, int count) => Vector256.ConditionalSelect(
        Vector256.LessThan(source.AsUInt32(), Vector256.Create((uint)count)).AsInt32(), Vector256.ShuffleNative(value, source), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MaskedLoad(byte* source, Vector256<int> mask) => Avx2.IsSupported
        ? Avx2.MaskLoad((int*)source, mask)
        : Vector256.Create(
            LaneFunctions128.MaskedLoad(source, mask.GetLower()), LaneFunctions128.MaskedLoad(source + 16, mask.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MaskedStore(byte* target, Vector256<int> mask, Vector256<int> value)
    {
        if (Avx2.IsSupported)
        {
            Avx2.MaskStore((int*)target, mask, value);
            return;
        }

        LaneFunctions128.MaskedStore(target, mask.GetLower(), value.GetLower());
        LaneFunctions128.MaskedStore(target + 16, mask.GetUpper(), value.GetUpper());
    }

    /// <summary>32-bit elements at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector256<int> LoadStrided(byte* source, int stride) => Vector256.Create(
        *(int*)source,
        *(int*)(source + (1L * stride)),
        *(int*)(source + (2L * stride)),
        *(int*)(source + (3L * stride)),
        *(int*)(source + (4L * stride)),
        *(int*)(source + (5L * stride)),
        *(int*)(source + (6L * stride)),
        *(int*)(source + (7L * stride)));

    /// <summary>32-bit elements at any addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector256<int> Gather(Vector256<long> lower, Vector256<long> upper) => Vector256.Create(
        *(int*)lower.GetElement(0),
        *(int*)lower.GetElement(1),
        *(int*)lower.GetElement(2),
        *(int*)lower.GetElement(3),
        *(int*)upper.GetElement(0),
        *(int*)upper.GetElement(1),
        *(int*)upper.GetElement(2),
        *(int*)upper.GetElement(3));

    /// <summary>
    /// 16 bytes at each of the addresses that <paramref name="addresses"/> lists: all lanes' first four bytes to
    /// <paramref name="target"/>, then all lanes' second four, and so on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFours(byte* addresses, byte* target)
    {
        if (!Avx2.IsSupported)
        {
            for (int part = 0; part < 2; part++)
            {
                LaneFunctions128.LoadFours(addresses + (32 * part), target + (16 * part), 32);
            }

            return;
        }

        byte** lanes = (byte**)addresses;
        StoreTurned(Halves(lanes[0], lanes[4]), Halves(lanes[1], lanes[5]), Halves(lanes[2], lanes[6]), Halves(lanes[3], lanes[7]), target);
    }

    /// <summary>The same at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFoursStrided(byte* source, int stride, byte* target)
    {
        byte* second = source + (4L * stride);
        if (!Avx2.IsSupported)
        {
            LaneFunctions128.LoadFoursStrided(source, stride, target, 32);
            LaneFunctions128.LoadFoursStrided(second, stride, target + 16, 32);
            return;
        }

        StoreTurned(
            Halves(source, second),
            Halves(source + stride, second + stride),
            Halves(source + (2L * stride), second + (2L * stride)),
            Halves(source + (3L * stride), second + (3L * stride)),
            target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Halves(byte* first, byte* second) => Vector256.Create(Vector128.Load((int*)first), Vector128.Load((int*)second));

    // lanes 0 and 4 in one vector, 1 and 5 in the next: each half is a transposition of four by four
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTurned(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d, byte* target)
    {
        Vector256<long> lowerFirst = Avx2.UnpackLow(a, b).AsInt64();
        Vector256<long> upperFirst = Avx2.UnpackHigh(a, b).AsInt64();
        Vector256<long> lowerSecond = Avx2.UnpackLow(c, d).AsInt64();
        Vector256<long> upperSecond = Avx2.UnpackHigh(c, d).AsInt64();
        Vector256.Store(Avx2.UnpackLow(lowerFirst, lowerSecond), (long*)target);
        Vector256.Store(Avx2.UnpackHigh(lowerFirst, lowerSecond), (long*)(target + 32));
        Vector256.Store(Avx2.UnpackLow(upperFirst, upperSecond), (long*)(target + 64));
        Vector256.Store(Avx2.UnpackHigh(upperFirst, upperSecond), (long*)(target + 96));
    }

    /// <summary>Each lane's element of four vectors side by side, at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreFours(byte* target, int stride, Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d)
    {
        LaneFunctions128.StoreFours(target, stride, a.GetLower(), b.GetLower(), c.GetLower(), d.GetLower());
        LaneFunctions128.StoreFours(target + (4L * stride), stride, a.GetUpper(), b.GetUpper(), c.GetUpper(), d.GetUpper());
    }

    /// <summary>bf16 to nearest even; a NaN stays one, with its quiet bit set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector256<int> FloatToBFloat16(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256.Create(1u))) >>> 16;
        return Vector256.ConditionalSelect(Vector256.IsNaN(value).AsUInt32(), (bits >>> 16) | Vector256.Create(0x40u), rounded).AsInt32();
    }

    /// <summary>f16 to f32: the exponent is moved by a multiplication, which is exact and turns subnormals into normal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector256<float> HalfToFloat(Vector256<int> bits)
    {
        Vector256<int> sign = (bits & Vector256.Create(0x8000)) << 16;
        Vector256<int> magnitude = (bits & Vector256.Create(0x7FFF)) << 13;
        Vector256<float> scaled = magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f);
        Vector256<int> special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x0F800000));
        Vector256<int> whole = Vector256.ConditionalSelect(special, magnitude | Vector256.Create(0x7F800000), scaled.AsInt32());
        return (whole | sign).AsSingle();
    }

    /// <summary>
    /// e to the power of each lane, within one unit in the last place. .NET's own goes through double precision and takes several times as long.
    /// x = n ln 2 + r with |r| at most half of ln 2; e^r by the polynomial of Cephes' expf, times 2^n in two steps, since n reaches beyond the
    /// exponents of normal numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector256<float> Exp(Vector256<float> value)
    {
        // beyond these the result is infinite or 0; a NaN is neither above nor below
        Vector256<float> x = Vector256.ConditionalSelect(Vector256.GreaterThan(value, Vector256.Create(89f)), Vector256.Create(89f), value);
        x = Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(-105f)), Vector256.Create(-105f), x);

        // adding 1.5 * 2^23 leaves the nearest integer in the low bits
        Vector256<float> shift = Vector256.Create(12582912f);
        Vector256<float> shifted = Vector256.FusedMultiplyAdd(x, Vector256.Create(1.44269504f), shift);
        Vector256<float> n = shifted - shift;
        Vector256<int> exponent = shifted.AsInt32() - shift.AsInt32();
        Vector256<float> r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-0.693359375f), x);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(2.12194440e-4f), r);
        Vector256<float> p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.FusedMultiplyAdd(p, r * r, r) + Vector256<float>.One;
        Vector256<int> half = exponent >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> exponent) => ((exponent + Vector256.Create(127)) << 23).AsSingle();
}
