using System.Numerics;
using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Numbers, memories, functions and places.</summary>
public static partial class FeatureKernels
{
    private static readonly int Seven = 7;

    public static void Integers(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        int y = input[Lane + 1];
        int divisor = (y & 0xFF) | 1;
        own[0] = unchecked((x * y) + x - y);
        own[1] = (x / divisor) + (x % divisor);
        own[2] = (int)((uint)x / (uint)divisor) + (int)((uint)x % (uint)divisor);
        own[3] = (x << y) ^ (x >> y) ^ (int)((uint)x >> y);
        own[4] = x >>> y;
        own[5] = -x & ~y;
        own[6] = x / -16;
        own[7] = x % -16;
    }

    public static void SmallIntegers(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        sbyte i8 = (sbyte)x;
        byte u8 = (byte)x;
        short i16 = (short)x;
        ushort u16 = (ushort)x;
        own[0] = i8;
        own[1] = u8;
        own[2] = i16;
        own[3] = u16;
        i8 += 100;
        u8 *= 3;
        i16--;
        u16 <<= 3;
        own[4] = i8;
        own[5] = u8;
        own[6] = i16;
        own[7] = u16;
        own[8] = u8 > i8 ? 1 : 0;
        own[9] = (char)(x + 1);
        own[10] = (byte)(sbyte)x;
        own[11] = (sbyte)(ushort)x;
        u8 >>= 1;
        i8 >>= 2;
        own[12] = u8 + i8;
        own[13] = Wrapped((byte)(x >> 3), (sbyte)x);
    }

    public static void LongIntegers(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        long x = ((long)input[Lane] << 32) | (uint)input[Lane + 1];
        long y = input[Lane + 2];
        ulong u = (ulong)x;
        long divisor = (y & 0xFFFF) | 1;
        own.SubView(0, 2).Cast<long>()[0] = unchecked((x * y) + x);
        own.SubView(2, 2).Cast<long>()[0] = (x / divisor) - (x % -divisor);
        own.SubView(4, 2).Cast<ulong>()[0] = (u / (ulong)divisor) ^ (u % (ulong)divisor);
        own.SubView(6, 2).Cast<long>()[0] = (x << (int)y) ^ (x >> (int)y) ^ (long)(u >> (int)y);
        own[8] = x > y ? 1 : 0;
        own[9] = u > (ulong)y ? 1 : 0;
        own[10] = (int)x;
        own[11] = (int)(uint)(x >> 16);
        own[12] = (short)(x >> 8);
        own.SubView(14, 2).Cast<long>()[0] = -x + ~y + (uint)input[Lane];
    }

    public static void Singles(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<float> own = Own(output).Cast<float>();
        float x = Interop.IntAsFloat((uint)input[Lane]);
        float y = input[Lane + 1] * 0.37f;
        own[0] = float.IsNaN(x) ? 1f : (x * y) + x;
        own[1] = (y * 0.1f) - 3f;
        own[2] = y / 3f;
        own[3] = x < y ? 1f : 2f;
        own[4] = x >= y ? 1f : 2f;
        own[5] = !(x > y) ? 1f : 2f;
        own[6] = x != y ? 1f : 2f;
        own[7] = x == y || !(x <= y) ? 1f : 2f;
        own[8] = -y;
        own[9] = y % 2.5f;
        own[10] = XMath.Max(y, 3f) + XMath.Min(y, -3f);
        own[11] = x > 0f && x < 10f ? 1f : 0f;
    }

    public static void Doubles(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<double> own = Own(output).Cast<double>();
        double x = input[Lane] * 0.37;
        float narrow = (float)x;
        own[0] = (x * 1e10) + narrow;
        own[1] = x / 3 - (double)narrow;
        own[2] = Math.Max(x, 3.0) + Math.Abs(x);
        own[3] = x > narrow ? 1 : 0;
        own[4] = narrow * 2.0;
        own[5] = (float)(x + 1e-9);
        own[6] = x % 0.7;
    }

    public static void Conversions(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        float f = Interop.IntAsFloat((uint)input[Lane]);
        double d = f * 1e6;
        own[0] = (int)f;
        own[1] = (int)(uint)f;
        own[2] = (int)((long)d >> 7);
        own[3] = (int)((ulong)d >> 7);
        own[4] = (int)Interop.FloatAsInt((float)input[Lane]);
        own[5] = (int)Interop.FloatAsInt((float)(uint)input[Lane]);
        own[6] = (int)Interop.FloatAsInt((float)(((ulong)(uint)input[Lane] << 32) | (uint)input[Lane + 1]));
        own[7] = (int)Interop.FloatAsInt((float)((long)input[Lane] * input[Lane + 1]));
        own[8] = (int)(Interop.FloatAsInt((double)input[Lane]) >> 32);
        own[9] = (int)(Interop.FloatAsInt((double)(uint)input[Lane]) >> 32);
        own[10] = (short)(input[Lane] * 0.001f);
        own[11] = (byte)(input[Lane] & 0x7F) * 2;
    }

    public static void SixteenBitFloats(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        float x = input[Lane] * 0.123f;
        var brain = (BFloat16)x;
        own[0] = brain.Bits;
        own[1] = (int)Interop.FloatAsInt(brain + 1f);
        var half = (Llama.Gpu.Jit.Half)x;
        own[2] = half.Bits;
        own[3] = (int)Interop.FloatAsInt(half * 2f);
        ArrayView<BFloat16> stored = own.SubView(4, 2).Cast<BFloat16>();
        stored[0] = brain;
        stored[1] = (BFloat16)(stored[0] * 0.5f);
        ArrayView<Llama.Gpu.Jit.Half> halves = input.Cast<Llama.Gpu.Jit.Half>();
        own[6] = Interop.FloatAsInt(halves[Lane]);
        own[7] = BFloat16.FromBits((ushort)input[Lane]) > 1f ? 1 : 0;
    }

    public static void Memories(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        ArrayView<int> shared = SharedMemory.Allocate<int>(Places * 4);
        ref float single = ref SharedMemory.Allocate<float>();
        ArrayView<Point> local = LocalMemory.Allocate<Point>(2 * AddOperation.Size);
        int at = Group.IdxX;
        shared[at] = input[Lane];
        single = 2.5f;
        for (int i = 0; i < local.IntLength; i++)
        {
            local[i] = new Point(i, shared[at] + i);
        }

        ref Point last = ref local[3];
        last.Move(1, 1);
        own[0] = shared[at];
        own[1] = (int)(single * 2f);
        own[2] = local[3].X + local[2].Y;
        own[3] = shared.IntLength + local.IntLength;
        ArrayView<short> dynamic = SharedMemory.GetDynamic<short>();
        dynamic[at] = (short)input[Lane];
        own[4] = dynamic[at];
        own[5] = dynamic.IntLength;
    }

    public static void Atomics(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        ArrayView<uint> unsigned = own.Cast<uint>();
        own[0] = Atomic.Add(ref own[1], x);
        own[2] = Atomic.Add(ref own[1], 3);
        own[3] = Atomic.Max(ref own[1], 50);
        Atomic.Max(ref unsigned[4], (uint)x);
        Atomic.Min(ref unsigned[4], 77u);
        Atomic.Min(ref own[5], x);
        Atomic.Or(ref own[6], x);
        Atomic.And(ref own[6], 0xFFF);
        Atomic.Xor(ref own[6], 0x55);
        own[7] = Atomic.Exchange(ref own[6], 5);
        own[8] = Atomic.CompareExchange(ref own[6], 5, x);
        own[9] = Atomic.CompareExchange(ref own[6], 123456, 1);
        Atomic.Add(ref own.Cast<float>()[10], 1.5f);
        Atomic.Add(ref own.SubView(12, 2).Cast<long>()[0], (long)x << 20);
        MemoryFence.GroupLevel();
        MemoryFence.DeviceLevel();
        MemoryFence.SystemLevel();
    }

    public static void Functions(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<float> own = Own(output).Cast<float>();
        float x = (input[Lane] & 0xFF) * 0.0625f;
        own[0] = XMath.Exp(x) + XMath.Exp2(x);
        own[1] = XMath.Log(x + 1f) + XMath.Sqrt(x);
        own[2] = XMath.Rsqrt(x + 1f) + XMath.Rcp(x + 2f);
        own[3] = XMath.Tanh(x) + XMath.Abs(-x);
        own[4] = MathF.Sin(x) + MathF.Cos(x);
        own[5] = MathF.Floor(-x) + MathF.Ceiling(x) + MathF.Truncate(-x) + MathF.Round(x);
        own[6] = MathF.Pow(x, 1.5f) + MathF.Log2(x + 1f);
        own[7] = MathF.FusedMultiplyAdd(x, x, -x);
        own[8] = (float)Math.Sqrt((double)x) + (float)Math.Exp(0.1 * x);
        own[9] = Math.Clamp(x, 1f, 7.5f);
        own[10] = Math.Min((uint)input[Lane], 1000u) + Math.Max(input[Lane], -5) + Math.Abs(input[Lane] >> 8);
        own[11] = IntrinsicMath.DivRoundUp(input[Lane] & 0xFF, 7) + IntrinsicMath.Clamp(input[Lane], -3, 9);
        own[12] = float.IsInfinity(x) || !float.IsFinite(Interop.IntAsFloat((uint)input[Lane])) ? 1f : 0f;
        own[13] = BitOperations.RotateLeft((uint)input[Lane], 5) + BitOperations.PopCount((uint)input[Lane]);
        own[14] = XMath.IsNaN(Interop.IntAsFloat((uint)input[Lane])) ? 1f : 0f;
    }

    public static void Indices(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        Index3D global = Grid.GlobalIndex;
        own[0] = global.X + (100 * global.Y) + (10000 * global.Z);
        own[1] = Grid.LinearIndex;
        own[2] = Group.LinearIndex;
        own[3] = Group.Dimension.Size;
        own[4] = Group.IsFirstThread ? 1 : 0;
        own[5] = Group.IsLastThread ? 1 : 0;
        own[6] = Grid.Dimension.X - Grid.Index.X - Group.Index.Y;
        Index1D index = Group.IdxX;
        LongIndex1D wide = index;
        own[7] = index + (int)wide.X + input[wide.ToIntIndex()];
    }

    public static void LocalFunctions(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int total = input[Lane];
        static void Add(ref int total, int value) => total += value;
        static int Square(int value) => value * value;
        Add(ref total, 5);
        Add(ref total, Square(total & 15));
        own[0] = total;
        own[1] = Seven * total;
        var accumulator = new Accumulator { Total = 3 };
        foreach (int step in new Countdown(input[Lane] & 7))
        {
            accumulator.Add(step);
        }

        own[2] = accumulator.Total;
    }
}
