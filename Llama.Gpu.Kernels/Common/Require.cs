using System.Runtime.CompilerServices;

namespace Llama.Gpu.Kernels;

/// <summary>Checks of launchers' arguments: what is wrong is said as argument, expected and found.</summary>
internal static class Require
{
    /// <summary>Largest extent of one dimension; leaves room for a loop's step beyond it.</summary>
    public const int MaxDimension = 1 << 30;

    /// <summary>An extent: at least 1.</summary>
    public static void Dimension(int value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value is < 1 or > MaxDimension)
        {
            throw new ArgumentException($"expected 1 to {MaxDimension}, found {value}", name);
        }
    }

    /// <summary>A position: not negative, and the tokens from it on are within range too.</summary>
    public static void Position(int value, int tokens, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value < 0 || value > MaxDimension - tokens)
        {
            throw new ArgumentException($"expected 0 to {MaxDimension - tokens}, found {value}", name);
        }
    }

    /// <summary>The width of a head, whose elements are rotated in pairs: even.</summary>
    public static void HeadDim(int value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        Dimension(value, name);
        if ((value & 1) != 0)
        {
            throw new ArgumentException($"expected an even number, found {value}", name);
        }
    }

    /// <summary>All heads of a token together: their width is an extent of its own.</summary>
    public static void Heads(int headCount, int headDim, [CallerArgumentExpression(nameof(headDim))] string name = "")
    {
        if ((long)headCount * headDim > MaxDimension)
        {
            throw new ArgumentException(
                $"expected all heads together to be at most {MaxDimension} wide, found {(long)headCount * headDim}", name);
        }
    }

    /// <summary>A view of activations, which may be longer than the shape: buffers are sized for the largest chunk.</summary>
    public static void Holds<T>(
        ArrayView<T> view, long first, long second = 1, long third = 1, [CallerArgumentExpression(nameof(view))] string name = "")
        where T : unmanaged
    {
        if (view.Length < (Int128)first * second * third)
        {
            throw Mismatch("at least ", first, second, third, view.Length, name);
        }
    }

    /// <summary>A key-value cache, which may be longer than the positions in use.</summary>
    public static void Holds(WeightView cache, long first, long second, [CallerArgumentExpression(nameof(cache))] string name = "")
    {
        KnownType(cache, name);
        if (cache.Length < (Int128)first * second)
        {
            throw Mismatch("at least ", first, second, 1, cache.Length, name);
        }
    }

    /// <summary>A weight, which has its shape exactly.</summary>
    public static void IsShaped(WeightView weight, long first, long second = 1, [CallerArgumentExpression(nameof(weight))] string name = "")
    {
        KnownType(weight, name);
        if (weight.Data.Length != (Int128)first * second * weight.Type.ElementSize())
        {
            throw Mismatch(string.Empty, first, second, 1, weight.Length, name);
        }
    }

    /// <summary>A weight of the type that another has.</summary>
    public static void SameType(WeightView weight, TensorType type, [CallerArgumentExpression(nameof(weight))] string name = "")
    {
        if (weight.Type != type)
        {
            throw new ArgumentException($"expected elements of type {type}, as the other weights have, found {weight.Type}", name);
        }
    }

    private static void KnownType(WeightView view, string name)
    {
        if (view.Type is not (TensorType.Float32 or TensorType.Float16 or TensorType.BFloat16))
        {
            throw new ArgumentException($"expected elements of type Float32, Float16 or BFloat16, found {view.Type}", name);
        }
    }

    private static ArgumentException Mismatch(string bound, long first, long second, long third, long found, string name)
    {
        string shape = third == 1 ? $"{first} x {second}" : $"{first} x {second} x {third}";
        return new ArgumentException($"expected {bound}{(Int128)first * second * third} elements ({shape}), found {found}", name);
    }
}
