using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Loads and stores among the lane functions that are a processor's own instructions: in a large method the compiler comes to a point from
/// which on it builds no more functions in, and a call that returns a vector costs more than the load.
/// </summary>
internal static class DirectMemory
{
    /// <summary>The instructions, one after the other, for a function of <see cref="LaneFunctions512"/> or its like; null where there are none.</summary>
    /// <param name="name">The function.</param>
    /// <param name="bits">Bits of a vector.</param>
    public static MethodInfo[]? Find(string name, int bits) => (bits, name) switch
    {
        (512, nameof(LaneFunctions512.LoadI16)) when Avx512F.IsSupported =>
            [
                Of(typeof(Avx), nameof(Avx.LoadVector256), typeof(short*)),
                Of(typeof(Avx512F), nameof(Avx512F.ConvertToVector512Int32), typeof(Vector256<short>)),
            ],
        (512, nameof(LaneFunctions512.MaskedLoad)) when Avx512F.IsSupported =>
            [
                Of(typeof(Vector512<int>), "get_Zero"),
                Of(typeof(Avx512F), nameof(Avx512F.MaskLoad), typeof(int*), typeof(Vector512<int>), typeof(Vector512<int>)),
            ],
        (512, nameof(LaneFunctions512.MaskedStore)) when Avx512F.IsSupported =>
            [Of(typeof(Avx512F), nameof(Avx512F.MaskStore), typeof(int*), typeof(Vector512<int>), typeof(Vector512<int>))],
        (256, nameof(LaneFunctions256.LoadI16)) when Avx2.IsSupported =>
            [Of(typeof(Avx2), nameof(Avx2.ConvertToVector256Int32), typeof(short*))],
        (256, nameof(LaneFunctions256.MaskedLoad)) when Avx2.IsSupported =>
            [Of(typeof(Avx2), nameof(Avx2.MaskLoad), typeof(int*), typeof(Vector256<int>))],
        (256, nameof(LaneFunctions256.MaskedStore)) when Avx2.IsSupported =>
            [Of(typeof(Avx2), nameof(Avx2.MaskStore), typeof(int*), typeof(Vector256<int>), typeof(Vector256<int>))],
        (128, nameof(LaneFunctions128.LoadI16)) when Sse41.IsSupported =>
            [Of(typeof(Sse41), nameof(Sse41.ConvertToVector128Int32), typeof(short*))],
        _ => null,
    };

    private static MethodInfo Of(Type type, string name, params Type[] parameters) =>
        type.GetMethod(name, parameters) ?? throw new MissingMethodException(type.Name, name);
}
