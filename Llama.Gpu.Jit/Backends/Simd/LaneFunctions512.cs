using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>What lanes of 512-bit vectors do that is no method of .NET's vectors. Built into emitted code, found by name.</summary>
internal static unsafe class LaneFunctions512
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadI16(byte* source) => Vector512.WidenLower(Vector256.Load((short*)source).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadI8(byte* source) => Vector512.WidenLower(Vector512.WidenLower(Vector128.Load((sbyte*)source).ToVector256Unsafe().ToVector512Unsafe()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI16(Vector512<int> value, byte* target) => Vector256.Store(Vector512.Narrow(value, value).GetLower(), (short*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI8(Vector512<int> value, byte* target) => Vector128.Store(Vector512.Narrow(Vector512.Narrow(value, value), Vector512<short>.Zero).GetLower().GetLower(), (sbyte*)target);

    /// <summary>Elements 0, 2, 4, ... of two vectors one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Even(Vector512<int> lower, Vector512<int> upper) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(lower, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), upper)
            : Vector512.ConditionalSelect(
            Vector512.Create(-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0),
            Vector512.Shuffle(lower, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0)),
            Vector512.Shuffle(upper, Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 10, 12, 14)));

    /// <summary>Elements 1, 3, 5, ... of two vectors one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Odd(Vector512<int> lower, Vector512<int> upper) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(lower, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), upper)
            : Vector512.ConditionalSelect(
            Vector512.Create(-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0),
            Vector512.Shuffle(lower, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 0, 0, 0, 0, 0, 0, 0, 0)),
            Vector512.Shuffle(upper, Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5, 7, 9, 11, 13, 15)));

    /// <summary>Each lane's value from the lane that it names; its own where that is none of the first <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Exchange(Vector512<int> value, Vector512<int> source, int count) => Vector512.ConditionalSelect(
        Vector512.LessThan(source.AsUInt32(), Vector512.Create((uint)count)).AsInt32(), Vector512.ShuffleNative(value, source), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> MaskedLoad(byte* source, Vector512<int> mask) => Avx512F.IsSupported
        ? Avx512F.MaskLoad((int*)source, mask, Vector512<int>.Zero)
        : Vector512.Create(
            LaneFunctions256.MaskedLoad(source, mask.GetLower()), LaneFunctions256.MaskedLoad(source + 32, mask.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MaskedStore(byte* target, Vector512<int> mask, Vector512<int> value)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore((int*)target, mask, value);
            return;
        }

        LaneFunctions256.MaskedStore(target, mask.GetLower(), value.GetLower());
        LaneFunctions256.MaskedStore(target + 32, mask.GetUpper(), value.GetUpper());
    }

    /// <summary>32-bit elements at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<int> LoadStrided(byte* source, int stride) => Vector512.Create(
        *(int*)source,
        *(int*)(source + (1L * stride)),
        *(int*)(source + (2L * stride)),
        *(int*)(source + (3L * stride)),
        *(int*)(source + (4L * stride)),
        *(int*)(source + (5L * stride)),
        *(int*)(source + (6L * stride)),
        *(int*)(source + (7L * stride)),
        *(int*)(source + (8L * stride)),
        *(int*)(source + (9L * stride)),
        *(int*)(source + (10L * stride)),
        *(int*)(source + (11L * stride)),
        *(int*)(source + (12L * stride)),
        *(int*)(source + (13L * stride)),
        *(int*)(source + (14L * stride)),
        *(int*)(source + (15L * stride)));

    /// <summary>32-bit elements at any addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<int> Gather(Vector512<long> lower, Vector512<long> upper) => Vector512.Create(
        *(int*)lower.GetElement(0),
        *(int*)lower.GetElement(1),
        *(int*)lower.GetElement(2),
        *(int*)lower.GetElement(3),
        *(int*)lower.GetElement(4),
        *(int*)lower.GetElement(5),
        *(int*)lower.GetElement(6),
        *(int*)lower.GetElement(7),
        *(int*)upper.GetElement(0),
        *(int*)upper.GetElement(1),
        *(int*)upper.GetElement(2),
        *(int*)upper.GetElement(3),
        *(int*)upper.GetElement(4),
        *(int*)upper.GetElement(5),
        *(int*)upper.GetElement(6),
        *(int*)upper.GetElement(7));

    /// <summary>
    /// 16 bytes at each of the addresses that <paramref name="addresses"/> lists: all lanes' first four bytes to
    /// <paramref name="target"/>, then all lanes' second four, and so on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFours(byte* addresses, byte* target)
    {
        if (!Avx512F.IsSupported)
        {
            for (int part = 0; part < 4; part++)
            {
                LaneFunctions128.LoadFours(addresses + (32 * part), target + (16 * part), 64);
            }

            return;
        }

        byte** lanes = (byte**)addresses;
        StoreTurned(Quarters(lanes), Quarters(lanes + 1), Quarters(lanes + 2), Quarters(lanes + 3), target);
    }

    /// <summary>The same at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFoursStrided(byte* source, int stride, byte* target)
    {
        if (!Avx512F.IsSupported)
        {
            for (int part = 0; part < 4; part++)
            {
                LaneFunctions128.LoadFoursStrided(source + (4L * part * stride), stride, target + (16 * part), 64);
            }

            return;
        }

        StoreTurned(
            Quarters(source, stride),
            Quarters(source + stride, stride),
            Quarters(source + (2L * stride), stride),
            Quarters(source + (3L * stride), stride),
            target);
    }

    // 16 bytes from every fourth address
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Quarters(byte** lanes) => Quarters(lanes[0], lanes[4], lanes[8], lanes[12]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Quarters(byte* source, long stride) =>
        Quarters(source, source + (4 * stride), source + (8 * stride), source + (12 * stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Quarters(byte* first, byte* second, byte* third, byte* fourth) => Vector512.Create(
        Vector256.Create(Vector128.Load((int*)first), Vector128.Load((int*)second)),
        Vector256.Create(Vector128.Load((int*)third), Vector128.Load((int*)fourth)));

    // lanes 0, 4, 8, 12 in one vector, 1, 5, 9, 13 in the next: each quarter is a transposition of four by four
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTurned(Vector512<int> a, Vector512<int> b, Vector512<int> c, Vector512<int> d, byte* target)
    {
        Vector512<long> lowerFirst = Avx512F.UnpackLow(a, b).AsInt64();
        Vector512<long> upperFirst = Avx512F.UnpackHigh(a, b).AsInt64();
        Vector512<long> lowerSecond = Avx512F.UnpackLow(c, d).AsInt64();
        Vector512<long> upperSecond = Avx512F.UnpackHigh(c, d).AsInt64();
        Vector512.Store(Avx512F.UnpackLow(lowerFirst, lowerSecond), (long*)target);
        Vector512.Store(Avx512F.UnpackHigh(lowerFirst, lowerSecond), (long*)(target + 64));
        Vector512.Store(Avx512F.UnpackLow(upperFirst, upperSecond), (long*)(target + 128));
        Vector512.Store(Avx512F.UnpackHigh(upperFirst, upperSecond), (long*)(target + 192));
    }

    /// <summary>Each lane's element of four vectors side by side, at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreFours(byte* target, int stride, Vector512<int> a, Vector512<int> b, Vector512<int> c, Vector512<int> d)
    {
        LaneFunctions256.StoreFours(target, stride, a.GetLower(), b.GetLower(), c.GetLower(), d.GetLower());
        LaneFunctions256.StoreFours(target + (8L * stride), stride, a.GetUpper(), b.GetUpper(), c.GetUpper(), d.GetUpper());
    }

    /// <summary>bf16 to nearest even; a NaN stays one, with its quiet bit set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<int> FloatToBFloat16(Vector512<float> value)
    {
        Vector512<uint> bits = value.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512.Create(1u))) >>> 16;
        return Vector512.ConditionalSelect(Vector512.IsNaN(value).AsUInt32(), (bits >>> 16) | Vector512.Create(0x40u), rounded).AsInt32();
    }

    /// <summary>f16 to f32: the exponent is moved by a multiplication, which is exact and turns subnormals into normal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<float> HalfToFloat(Vector512<int> bits)
    {
        Vector512<int> sign = (bits & Vector512.Create(0x8000)) << 16;
        Vector512<int> magnitude = (bits & Vector512.Create(0x7FFF)) << 13;
        Vector512<float> scaled = magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f);
        Vector512<int> special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x0F800000));
        Vector512<int> whole = Vector512.ConditionalSelect(special, magnitude | Vector512.Create(0x7F800000), scaled.AsInt32());
        return (whole | sign).AsSingle();
    }

    /// <summary>
    /// e to the power of each lane, within one unit in the last place. .NET's own goes through double precision and takes several times as long.
    /// x = n ln 2 + r with |r| at most half of ln 2; e^r by the polynomial of Cephes' expf, times 2^n in two steps, since n reaches beyond the
    /// exponents of normal numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<float> Exp(Vector512<float> value)
    {
        // beyond these the result is infinite or 0; a NaN is neither above nor below
        Vector512<float> x = Vector512.ConditionalSelect(Vector512.GreaterThan(value, Vector512.Create(89f)), Vector512.Create(89f), value);
        x = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-105f)), Vector512.Create(-105f), x);

        // adding 1.5 * 2^23 leaves the nearest integer in the low bits
        Vector512<float> shift = Vector512.Create(12582912f);
        Vector512<float> shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(1.44269504f), shift);
        Vector512<float> n = shifted - shift;
        Vector512<int> exponent = shifted.AsInt32() - shift.AsInt32();
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        Vector512<int> half = exponent >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> exponent) => ((exponent + Vector512.Create(127)) << 23).AsSingle();
}
