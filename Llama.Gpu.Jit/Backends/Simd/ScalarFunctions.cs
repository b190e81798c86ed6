namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Operations on one lane that IL has no instruction for, or none that never traps. Called by emitted code, found by name.</summary>
internal static unsafe class ScalarFunctions
{
    // division by zero is undefined, but a lane that is switched off must not trap with what it happens to hold
    public static int Div(int a, int b) => b is 0 or -1 ? unchecked(-a) & b : a / b;

    public static long Div(long a, long b) => b is 0 or -1 ? unchecked(-a) & b : a / b;

    public static int Rem(int a, int b) => b is 0 or -1 ? 0 : a % b;

    public static long Rem(long a, long b) => b is 0 or -1 ? 0 : a % b;

    public static int DivU(int a, int b) => b == 0 ? 0 : (int)((uint)a / (uint)b);

    public static long DivU(long a, long b) => b == 0 ? 0 : (long)((ulong)a / (ulong)b);

    public static int RemU(int a, int b) => b == 0 ? 0 : (int)((uint)a % (uint)b);

    public static long RemU(long a, long b) => b == 0 ? 0 : (long)((ulong)a % (ulong)b);

    public static float Rem(float a, float b) => a % b;

    public static double Rem(double a, double b) => a % b;

    public static int Min(int a, int b) => Math.Min(a, b);

    public static long Min(long a, long b) => Math.Min(a, b);

    public static float Min(float a, float b) => MathF.Min(a, b);

    public static double Min(double a, double b) => Math.Min(a, b);

    public static int Max(int a, int b) => Math.Max(a, b);

    public static long Max(long a, long b) => Math.Max(a, b);

    public static float Max(float a, float b) => MathF.Max(a, b);

    public static double Max(double a, double b) => Math.Max(a, b);

    public static int MinU(int a, int b) => (int)Math.Min((uint)a, (uint)b);

    public static long MinU(long a, long b) => (long)Math.Min((ulong)a, (ulong)b);

    public static int MaxU(int a, int b) => (int)Math.Max((uint)a, (uint)b);

    public static long MaxU(long a, long b) => (long)Math.Max((ulong)a, (ulong)b);

    public static int Abs(int a) => a < 0 ? unchecked(-a) : a;

    public static long Abs(long a) => a < 0 ? unchecked(-a) : a;

    public static float Abs(float a) => MathF.Abs(a);

    public static double Abs(double a) => Math.Abs(a);

    public static float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    public static double Fma(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c);

    public static float Sqrt(float a) => MathF.Sqrt(a);

    public static double Sqrt(double a) => Math.Sqrt(a);

    public static float Rsqrt(float a) => 1f / MathF.Sqrt(a);

    public static double Rsqrt(double a) => 1.0 / Math.Sqrt(a);

    public static float Exp(float a) => MathF.Exp(a);

    public static double Exp(double a) => Math.Exp(a);

    public static float Exp2(float a) => MathF.Pow(2f, a);

    public static double Exp2(double a) => Math.Pow(2.0, a);

    public static float Exp2Approximate(float a) => MathF.Pow(2f, a);

    public static float Log(float a) => MathF.Log(a);

    public static double Log(double a) => Math.Log(a);

    public static float Log2(float a) => MathF.Log2(a);

    public static double Log2(double a) => Math.Log2(a);

    public static float Sin(float a) => MathF.Sin(a);

    public static double Sin(double a) => Math.Sin(a);

    public static float Cos(float a) => MathF.Cos(a);

    public static double Cos(double a) => Math.Cos(a);

    public static float Tanh(float a) => MathF.Tanh(a);

    public static double Tanh(double a) => Math.Tanh(a);

    public static float Floor(float a) => MathF.Floor(a);

    public static double Floor(double a) => Math.Floor(a);

    public static float Ceiling(float a) => MathF.Ceiling(a);

    public static double Ceiling(double a) => Math.Ceiling(a);

    public static float RoundEven(float a) => MathF.Round(a);

    public static double RoundEven(double a) => Math.Round(a);

    public static float Truncate(float a) => MathF.Truncate(a);

    public static double Truncate(double a) => Math.Truncate(a);

    public static float Pow(float a, float b) => MathF.Pow(a, b);

    public static double Pow(double a, double b) => Math.Pow(a, b);

    public static float HalfToFloat(int bits) => (float)BitConverter.UInt16BitsToHalf((ushort)bits);

    public static int FloatToHalf(float value) => (short)BitConverter.HalfToUInt16Bits((System.Half)value);

    public static float BFloat16ToFloat(int bits) => BitConverter.Int32BitsToSingle(bits << 16);

    public static int FloatToBFloat16(float value) => (short)((BFloat16)value).Bits;

    public static int FloatToI8(float value) => (int)Math.Clamp((double)value, sbyte.MinValue, sbyte.MaxValue);

    public static int FloatToI16(float value) => (int)Math.Clamp((double)value, short.MinValue, short.MaxValue);

    public static int FloatToI32(float value) => (int)value;

    public static long FloatToI64(float value) => (long)value;

    public static int FloatToI8(double value) => (int)Math.Clamp(value, sbyte.MinValue, sbyte.MaxValue);

    public static int FloatToI16(double value) => (int)Math.Clamp(value, short.MinValue, short.MaxValue);

    public static int FloatToI32(double value) => (int)value;

    public static long FloatToI64(double value) => (long)value;

    public static int FloatToU8(float value) => (sbyte)(int)Math.Clamp((double)value, 0, byte.MaxValue);

    public static int FloatToU16(float value) => (short)(int)Math.Clamp((double)value, 0, ushort.MaxValue);

    public static int FloatToU32(float value) => (int)(uint)value;

    public static long FloatToU64(float value) => (long)(ulong)value;

    public static int FloatToU8(double value) => (sbyte)(int)Math.Clamp(value, 0, byte.MaxValue);

    public static int FloatToU16(double value) => (short)(int)Math.Clamp(value, 0, ushort.MaxValue);

    public static int FloatToU32(double value) => (int)(uint)value;

    public static long FloatToU64(double value) => (long)(ulong)value;

    public static float UnsignedToF32(int value) => (uint)value;

    public static float UnsignedToF32(long value) => (ulong)value;

    public static double UnsignedToF64(int value) => (uint)value;

    public static double UnsignedToF64(long value) => (ulong)value;

    public static int Atomic(int* target, int value, int operation)
    {
        int before = Volatile.Read(ref *target);
        while (true)
        {
            int found = Interlocked.CompareExchange(ref *target, AtomicResult(before, value, operation), before);
            if (found == before)
            {
                return before;
            }

            before = found;
        }
    }

    public static long Atomic(long* target, long value, int operation)
    {
        long before = Volatile.Read(ref *target);
        while (true)
        {
            long found = Interlocked.CompareExchange(ref *target, AtomicResult(before, value, operation), before);
            if (found == before)
            {
                return before;
            }

            before = found;
        }
    }

    public static float Atomic(float* target, float value, int operation)
    {
        int before = Volatile.Read(ref *(int*)target);
        while (true)
        {
            float now = AtomicResult(BitConverter.Int32BitsToSingle(before), value, operation);
            int found = Interlocked.CompareExchange(ref *(int*)target, BitConverter.SingleToInt32Bits(now), before);
            if (found == before)
            {
                return BitConverter.Int32BitsToSingle(before);
            }

            before = found;
        }
    }

    public static double Atomic(double* target, double value, int operation)
    {
        long before = Volatile.Read(ref *(long*)target);
        while (true)
        {
            double now = AtomicResult(BitConverter.Int64BitsToDouble(before), value, operation);
            long found = Interlocked.CompareExchange(ref *(long*)target, BitConverter.DoubleToInt64Bits(now), before);
            if (found == before)
            {
                return BitConverter.Int64BitsToDouble(before);
            }

            before = found;
        }
    }

    public static int CompareExchange(int* target, int compare, int value) => Interlocked.CompareExchange(ref *target, value, compare);

    public static long CompareExchange(long* target, long compare, long value) => Interlocked.CompareExchange(ref *target, value, compare);

    // compared as numbers, as C# compares them: 0 equals -0, NaN equals nothing
    public static float CompareExchange(float* target, float compare, float value)
    {
        float before = *target;
        while (before == compare)
        {
            int bits = BitConverter.SingleToInt32Bits(before);
            int found = Interlocked.CompareExchange(ref *(int*)target, BitConverter.SingleToInt32Bits(value), bits);
            if (found == bits)
            {
                break;
            }

            before = BitConverter.Int32BitsToSingle(found);
        }

        return before;
    }

    public static double CompareExchange(double* target, double compare, double value)
    {
        double before = *target;
        while (before == compare)
        {
            long bits = BitConverter.DoubleToInt64Bits(before);
            long found = Interlocked.CompareExchange(ref *(long*)target, BitConverter.DoubleToInt64Bits(value), bits);
            if (found == bits)
            {
                break;
            }

            before = BitConverter.Int64BitsToDouble(found);
        }

        return before;
    }

    private static int AtomicResult(int before, int value, int operation) => (Ir.AtomicOp)operation switch
    {
        Ir.AtomicOp.Add => unchecked(before + value),
        Ir.AtomicOp.Min => Math.Min(before, value),
        Ir.AtomicOp.MinU => MinU(before, value),
        Ir.AtomicOp.Max => Math.Max(before, value),
        Ir.AtomicOp.MaxU => MaxU(before, value),
        Ir.AtomicOp.And => before & value,
        Ir.AtomicOp.Or => before | value,
        Ir.AtomicOp.Xor => before ^ value,
        _ => value,
    };

    private static long AtomicResult(long before, long value, int operation) => (Ir.AtomicOp)operation switch
    {
        Ir.AtomicOp.Add => unchecked(before + value),
        Ir.AtomicOp.Min => Math.Min(before, value),
        Ir.AtomicOp.MinU => MinU(before, value),
        Ir.AtomicOp.Max => Math.Max(before, value),
        Ir.AtomicOp.MaxU => MaxU(before, value),
        Ir.AtomicOp.And => before & value,
        Ir.AtomicOp.Or => before | value,
        Ir.AtomicOp.Xor => before ^ value,
        _ => value,
    };

    private static double AtomicResult(double before, double value, int operation) => (Ir.AtomicOp)operation switch
    {
        Ir.AtomicOp.Add => before + value,
        Ir.AtomicOp.Min => Math.Min(before, value),
        Ir.AtomicOp.Max => Math.Max(before, value),
        _ => value,
    };

    private static float AtomicResult(float before, float value, int operation) => (Ir.AtomicOp)operation switch
    {
        Ir.AtomicOp.Add => before + value,
        Ir.AtomicOp.Min => MathF.Min(before, value),
        Ir.AtomicOp.Max => MathF.Max(before, value),
        _ => value,
    };
}
