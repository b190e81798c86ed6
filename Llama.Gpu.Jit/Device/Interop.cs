using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit;

/// <summary>Reinterpretation of values, as ILGPU's <c>Interop</c>.</summary>
public static class Interop
{
    /// <summary>Size of <typeparamref name="T"/> in bytes.</summary>
    public static int SizeOf<T>()
        where T : unmanaged => Unsafe.SizeOf<T>();

    /// <summary>The bits of a half.</summary>
    public static ushort FloatAsInt(Half value) => value.Bits;

    /// <summary>The bits of a single.</summary>
    public static uint FloatAsInt(float value) => BitConverter.SingleToUInt32Bits(value);

    /// <summary>The bits of a double.</summary>
    public static ulong FloatAsInt(double value) => BitConverter.DoubleToUInt64Bits(value);

    /// <summary>The half with these bits.</summary>
    public static Half IntAsFloat(ushort value) => Half.FromBits(value);

    /// <summary>The single with these bits.</summary>
    public static float IntAsFloat(uint value) => BitConverter.UInt32BitsToSingle(value);

    /// <summary>The double with these bits.</summary>
    public static double IntAsFloat(ulong value) => BitConverter.UInt64BitsToDouble(value);
}
