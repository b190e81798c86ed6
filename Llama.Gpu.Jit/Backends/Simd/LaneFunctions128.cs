using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>What lanes of 128-bit vectors do that is no method of .NET's vectors. Built into emitted code, found by name.</summary>
internal static unsafe class LaneFunctions128
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadI16(byte* source) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(source)).AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadI8(byte* source) => Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<int>(source)).AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI16(Vector128<int> value, byte* target) => Unsafe.WriteUnaligned(target, Vector128.Narrow(value, value).AsInt64().ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI8(Vector128<int> value, byte* target) => Unsafe.WriteUnaligned(target, Vector128.Narrow(Vector128.Narrow(value, value), Vector128<short>.Zero).AsInt32().ToScalar());

    /// <summary>Elements 0, 2, 4, ... of two vectors one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Even(Vector128<int> lower, Vector128<int> upper) =>
        Vector128.ConditionalSelect(
            Vector128.Create(-1, -1, 0, 0),
            Vector128.Shuffle(lower, Vector128.Create(0, 2, 0, 0)),
            Vector128.Shuffle(upper, Vector128.Create(0, 0, 0, 2)));

    /// <summary>Elements 1, 3, 5, ... of two vectors one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Odd(Vector128<int> lower, Vector128<int> upper) =>
        Vector128.ConditionalSelect(
            Vector128.Create(-1, -1, 0, 0),
            Vector128.Shuffle(lower, Vector128.Create(1, 3, 0, 0)),
            Vector128.Shuffle(upper, Vector128.Create(0, 0, 1, 3)));

    /// <summary>Each lane's value from the lane that it names; its own where that is none of the first <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Exchange(Vector128<int> value, Vector128<int> source, int count) => Vector128.ConditionalSelect(
        Vector128.LessThan(source.AsUInt32(), Vector128.Create((uint)count)).AsInt32(), Vector128.ShuffleNative(value, source), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MaskedLoad(byte* source, Vector128<int> mask) => Avx2.IsSupported
        ? Avx2.MaskLoad((int*)source, mask)
        : Vector128.Create(
            mask[0] != 0 ? *(int*)source : 0,
            mask[1] != 0 ? *(int*)(source + 4) : 0,
            mask[2] != 0 ? *(int*)(source + 8) : 0,
            mask[3] != 0 ? *(int*)(source + 12) : 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MaskedStore(byte* target, Vector128<int> mask, Vector128<int> value)
    {
        if (Avx2.IsSupported)
        {
            Avx2.MaskStore((int*)target, mask, value);
            return;
        }

        for (int i = 0; i < 4; i++)
        {
            if (mask[i] != 0)
            {
                *(int*)(target + (4 * i)) = value[i];
            }
        }
    }

    /// <summary>32-bit elements at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<int> LoadStrided(byte* source, int stride) => Vector128.Create(
        *(int*)source,
        *(int*)(source + (1L * stride)),
        *(int*)(source + (2L * stride)),
        *(int*)(source + (3L * stride)));

    /// <summary>32-bit elements at any addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<int> Gather(Vector128<long> lower, Vector128<long> upper) => Vector128.Create(
        *(int*)lower.GetElement(0),
        *(int*)lower.GetElement(1),
        *(int*)upper.GetElement(0),
        *(int*)upper.GetElement(1));

    /// <summary>
    /// 16 bytes at each of the addresses that <paramref name="addresses"/> lists: all lanes' first four bytes to
    /// <paramref name="target"/>, then all lanes' second four, and so on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFours(byte* addresses, byte* target) => LoadFours(addresses, target, sizeof(int) * 4);

    /// <summary>The same for four of the lanes of a longer vector, of <paramref name="bytes"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFours(byte* addresses, byte* target, int bytes)
    {
        byte** lanes = (byte**)addresses;
        StoreTurned(lanes[0], lanes[1], lanes[2], lanes[3], target, bytes);
    }

    /// <summary>As <see cref="LoadFours(byte*, byte*)"/>, at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFoursStrided(byte* source, int stride, byte* target) => LoadFoursStrided(source, stride, target, sizeof(int) * 4);

    /// <summary>The same for four of the lanes of a longer vector, of <paramref name="bytes"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadFoursStrided(byte* source, int stride, byte* target, int bytes) =>
        StoreTurned(source, source + stride, source + (2L * stride), source + (3L * stride), target, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTurned(byte* first, byte* second, byte* third, byte* fourth, byte* target, int bytes) => StoreFours(
        target, bytes, Vector128.Load((int*)first), Vector128.Load((int*)second), Vector128.Load((int*)third), Vector128.Load((int*)fourth));

    /// <summary>Each lane's element of four vectors side by side, at addresses <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFours(byte* target, int stride, Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d)
    {
        // a transposition of four by four, as pairs of elements and then as pairs of pairs
        Vector128<long> lowerFirst = Zip(a, b, upper: false);
        Vector128<long> upperFirst = Zip(a, b, upper: true);
        Vector128<long> lowerSecond = Zip(c, d, upper: false);
        Vector128<long> upperSecond = Zip(c, d, upper: true);
        Vector128.Store(Vector128.Create(lowerFirst.GetLower(), lowerSecond.GetLower()), (long*)target);
        Vector128.Store(Vector128.Create(lowerFirst.GetUpper(), lowerSecond.GetUpper()), (long*)(target + stride));
        Vector128.Store(Vector128.Create(upperFirst.GetLower(), upperSecond.GetLower()), (long*)(target + (2L * stride)));
        Vector128.Store(Vector128.Create(upperFirst.GetUpper(), upperSecond.GetUpper()), (long*)(target + (3L * stride)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<long> Zip(Vector128<int> first, Vector128<int> second, bool upper)
    {
        if (Sse2.IsSupported)
        {
            return (upper ? Sse2.UnpackHigh(first, second) : Sse2.UnpackLow(first, second)).AsInt64();
        }

        Vector128<int> places = upper ? Vector128.Create(2, 0, 3, 0) : Vector128.Create(0, 0, 1, 0);
        Vector128<int> shifted = upper ? Vector128.Create(0, 2, 0, 3) : Vector128.Create(0, 0, 0, 1);
        return Vector128.ConditionalSelect(
            Vector128.Create(-1, 0, -1, 0), Vector128.Shuffle(first, places), Vector128.Shuffle(second, shifted)).AsInt64();
    }

    /// <summary>bf16 to nearest even; a NaN stays one, with its quiet bit set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<int> FloatToBFloat16(Vector128<float> value)
    {
        Vector128<uint> bits = value.AsUInt32();
        var rounded = (bits + Vector128.Create(0x7FFFu) + ((bits >>> 16) & Vector128.Create(1u))) >>> 16;
        return Vector128.ConditionalSelect(Vector128.IsNaN(value).AsUInt32(), (bits >>> 16) | Vector128.Create(0x40u), rounded).AsInt32();
    }

    /// <summary>f16 to f32: the exponent is moved by a multiplication, which is exact and turns subnormals into normal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<float> HalfToFloat(Vector128<int> bits)
    {
        Vector128<int> sign = (bits & Vector128.Create(0x8000)) << 16;
        Vector128<int> magnitude = (bits & Vector128.Create(0x7FFF)) << 13;
        Vector128<float> scaled = magnitude.AsSingle() * Vector128.Create(5.192296858534828e33f);
        Vector128<int> special = Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x0F800000));
        Vector128<int> whole = Vector128.ConditionalSelect(special, magnitude | Vector128.Create(0x7F800000), scaled.AsInt32());
        return (whole | sign).AsSingle();
    }

    /// <summary>
    /// e to the power of each lane, within one unit in the last place. .NET's own goes through double precision and takes several times as long.
    /// x = n ln 2 + r with |r| at most half of ln 2; e^r by the polynomial of Cephes' expf, times 2^n in two steps, since n reaches beyond the
    /// exponents of normal numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector128<float> Exp(Vector128<float> value)
    {
        // beyond these the result is infinite or 0; a NaN is neither above nor below
        Vector128<float> x = Vector128.ConditionalSelect(Vector128.GreaterThan(value, Vector128.Create(89f)), Vector128.Create(89f), value);
        x = Vector128.ConditionalSelect(Vector128.LessThan(x, Vector128.Create(-105f)), Vector128.Create(-105f), x);

        // adding 1.5 * 2^23 leaves the nearest integer in the low bits
        Vector128<float> shift = Vector128.Create(12582912f);
        Vector128<float> shifted = Vector128.FusedMultiplyAdd(x, Vector128.Create(1.44269504f), shift);
        Vector128<float> n = shifted - shift;
        Vector128<int> exponent = shifted.AsInt32() - shift.AsInt32();
        Vector128<float> r = Vector128.FusedMultiplyAdd(n, Vector128.Create(-0.693359375f), x);
        r = Vector128.FusedMultiplyAdd(n, Vector128.Create(2.12194440e-4f), r);
        Vector128<float> p = Vector128.Create(1.9875691500e-4f);
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(1.3981999507e-3f));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(8.3334519073e-3f));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(4.1665795894e-2f));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(1.6666665459e-1f));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(5.0000001201e-1f));
        p = Vector128.FusedMultiplyAdd(p, r * r, r) + Vector128<float>.One;
        Vector128<int> half = exponent >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> PowerOfTwo(Vector128<int> exponent) => ((exponent + Vector128.Create(127)) << 23).AsSingle();
}
