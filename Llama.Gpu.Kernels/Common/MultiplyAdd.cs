namespace Llama.Gpu.Kernels;

/// <summary>Multiplication and addition in one step, for the inner loops of matrix products.</summary>
internal static class MultiplyAdd
{
    /// <summary><c>first * second + addend</c>, rounded once.</summary>
    public static float Of(float first, float second, float addend) => MathF.FusedMultiplyAdd(first, second, addend);

    /// <summary>The same in f64.</summary>
    public static double Of(double first, double second, double addend) => Math.FusedMultiplyAdd(first, second, addend);
}
