namespace Llama.Gpu.Jit;

/// <summary>Functions that kernels may call, in single precision but for some, as ILGPU.Algorithms names them.</summary>
public static class XMath
{
    /// <summary>e to the power of <paramref name="value"/>.</summary>
    public static float Exp(float value) => MathF.Exp(value);

    /// <summary>2 to the power of <paramref name="value"/>.</summary>
    public static float Exp2(float value) => MathF.Pow(2f, value);

    /// <summary>
    /// 2 to the power of <paramref name="value"/>, within 2^-21 of the result; one below 2^-126 may be 0. A single instruction on CUDA
    /// devices, which ILGPU does not have under this name.
    /// </summary>
    public static float Exp2Approximate(float value) => MathF.Pow(2f, value);

    /// <summary>Natural logarithm.</summary>
    public static float Log(float value) => MathF.Log(value);

    /// <summary>Square root.</summary>
    public static float Sqrt(float value) => MathF.Sqrt(value);

    /// <summary>Square root.</summary>
    public static double Sqrt(double value) => Math.Sqrt(value);

    /// <summary>One over the square root.</summary>
    public static float Rsqrt(float value) => 1f / MathF.Sqrt(value);

    /// <summary>One over <paramref name="value"/>.</summary>
    public static float Rcp(float value) => 1f / value;

    /// <summary>Hyperbolic tangent.</summary>
    public static float Tanh(float value) => MathF.Tanh(value);

    /// <summary>The smaller of two; NaN if either is.</summary>
    public static float Min(float first, float second) => MathF.Min(first, second);

    /// <summary>The larger of two; NaN if either is.</summary>
    public static float Max(float first, float second) => MathF.Max(first, second);

    /// <summary>The value without its sign.</summary>
    public static float Abs(float value) => MathF.Abs(value);

    /// <summary>The value without its sign.</summary>
    public static double Abs(double value) => Math.Abs(value);

    /// <summary>Whether the value is not a number.</summary>
    public static bool IsNaN(float value) => float.IsNaN(value);
}
