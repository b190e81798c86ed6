using System.Numerics;
using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>
/// Read-modify-write of one element that no other lane can come between; each returns the value before. On the <c>cpu</c>
/// accelerator lanes take turns, so the operation is plain and the sanitizer is told that it is atomic.
/// </summary>
public static class Atomic
{
    /// <summary>Adds; integers wrap.</summary>
    public static int Add(ref int target, int value) => Apply(ref target, unchecked(target + value));

    /// <summary>Adds; integers wrap.</summary>
    public static uint Add(ref uint target, uint value) => Apply(ref target, unchecked(target + value));

    /// <summary>Adds; integers wrap.</summary>
    public static long Add(ref long target, long value) => Apply(ref target, unchecked(target + value));

    /// <summary>Adds; integers wrap.</summary>
    public static ulong Add(ref ulong target, ulong value) => Apply(ref target, unchecked(target + value));

    /// <summary>Adds.</summary>
    public static float Add(ref float target, float value) => Apply(ref target, target + value);

    /// <summary>Adds.</summary>
    public static double Add(ref double target, double value) => Apply(ref target, target + value);

    /// <summary>Keeps the larger.</summary>
    public static int Max(ref int target, int value) => Apply(ref target, Math.Max(target, value));

    /// <summary>Keeps the larger.</summary>
    public static uint Max(ref uint target, uint value) => Apply(ref target, Math.Max(target, value));

    /// <summary>Keeps the larger.</summary>
    public static long Max(ref long target, long value) => Apply(ref target, Math.Max(target, value));

    /// <summary>Keeps the larger.</summary>
    public static float Max(ref float target, float value) => Apply(ref target, MathF.Max(target, value));

    /// <summary>Keeps the smaller.</summary>
    public static int Min(ref int target, int value) => Apply(ref target, Math.Min(target, value));

    /// <summary>Keeps the smaller.</summary>
    public static uint Min(ref uint target, uint value) => Apply(ref target, Math.Min(target, value));

    /// <summary>Keeps the smaller.</summary>
    public static long Min(ref long target, long value) => Apply(ref target, Math.Min(target, value));

    /// <summary>Keeps the smaller.</summary>
    public static float Min(ref float target, float value) => Apply(ref target, MathF.Min(target, value));

    /// <summary>Bitwise and.</summary>
    public static int And(ref int target, int value) => Apply(ref target, target & value);

    /// <summary>Bitwise and.</summary>
    public static uint And(ref uint target, uint value) => Apply(ref target, target & value);

    /// <summary>Bitwise or.</summary>
    public static int Or(ref int target, int value) => Apply(ref target, target | value);

    /// <summary>Bitwise or.</summary>
    public static uint Or(ref uint target, uint value) => Apply(ref target, target | value);

    /// <summary>Bitwise exclusive or.</summary>
    public static int Xor(ref int target, int value) => Apply(ref target, target ^ value);

    /// <summary>Bitwise exclusive or.</summary>
    public static uint Xor(ref uint target, uint value) => Apply(ref target, target ^ value);

    /// <summary>Stores <paramref name="value"/>.</summary>
    public static int Exchange(ref int target, int value) => Apply(ref target, value);

    /// <summary>Stores <paramref name="value"/>.</summary>
    public static uint Exchange(ref uint target, uint value) => Apply(ref target, value);

    /// <summary>Stores <paramref name="value"/>.</summary>
    public static float Exchange(ref float target, float value) => Apply(ref target, value);

    /// <summary>Stores <paramref name="value"/> where <paramref name="target"/> equals <paramref name="compare"/>.</summary>
    public static int CompareExchange(ref int target, int compare, int value) => Apply(ref target, target == compare ? value : target);

    /// <summary>Stores <paramref name="value"/> where <paramref name="target"/> equals <paramref name="compare"/>.</summary>
    public static uint CompareExchange(ref uint target, uint compare, uint value) => Apply(ref target, target == compare ? value : target);

    private static T Apply<T>(ref T target, T value)
        where T : unmanaged, INumber<T>
    {
        T before = target;
        target = value;
        if (Sanitizer.AnyActive)
        {
            Sanitizer.MarkAtomic(ref Unsafe.As<T, byte>(ref target));
        }

        return before;
    }
}
