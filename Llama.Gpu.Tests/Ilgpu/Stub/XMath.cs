namespace ILGPU.Algorithms;

public static class XMath
{
    public const float E = MathF.E;
    public const float PI = MathF.PI;

    public static float Exp(float value) => throw Stub.NothingRuns;

    public static float Exp2(float value) => throw Stub.NothingRuns;

    public static float Log(float value) => throw Stub.NothingRuns;

    public static float Log2(float value) => throw Stub.NothingRuns;

    public static float Pow(float @base, float exp) => throw Stub.NothingRuns;

    public static float Sqrt(float value) => throw Stub.NothingRuns;

    public static double Sqrt(double value) => throw Stub.NothingRuns;

    public static float Rsqrt(float value) => throw Stub.NothingRuns;

    public static float Rcp(float value) => throw Stub.NothingRuns;

    public static float Sin(float value) => throw Stub.NothingRuns;

    public static float Cos(float value) => throw Stub.NothingRuns;

    public static float Tanh(float value) => throw Stub.NothingRuns;

    public static float Floor(float value) => throw Stub.NothingRuns;

    public static float Ceiling(float value) => throw Stub.NothingRuns;

    public static float Abs(float value) => throw Stub.NothingRuns;

    public static bool IsNaN(float value) => throw Stub.NothingRuns;

    public static double Abs(double value) => throw Stub.NothingRuns;

    public static int Min(int first, int second) => throw Stub.NothingRuns;

    public static float Min(float first, float second) => throw Stub.NothingRuns;

    public static int Max(int first, int second) => throw Stub.NothingRuns;

    public static float Max(float first, float second) => throw Stub.NothingRuns;
}

public static class AlgorithmContext
{
    public static Context.Builder EnableAlgorithms(this Context.Builder builder) => throw Stub.NothingRuns;
}
