using System.Numerics;
using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>
/// One kernel a language feature. Every lane reads <c>input</c>, which holds integers and bits of floats of all kinds, and writes its
/// sixteen places of <c>output</c>. The same file is compiled with optimization, as tests are, and without, by the tests themselves.
/// </summary>
public static class FeatureKernels
{
    private const int Places = 16;

    private static readonly int Seven = 7;

    public static void Calls(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        own[0] = Sign(x);
        own[1] = Twice(Twice(x)) + Twice(Sign(x));
        own[2] = Collatz(x & 15, 20);
        Put(own, 3, x);
        own[4] = Optional(x) + Optional(x, third: 5);
    }

    public static void Generics(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        own[0] = Fold<AddOperation>(input, Lane, 3);
        own[1] = Fold<XorOperation>(input, Lane, 3);
        own[2] = FoldTwice<XorOperation>(input, Lane, AddOperation.Unit + 2);
        own[3] = Largest(x, input[Lane + 1]);
        own[4] = (int)Largest((long)x << 3, 100L);
        own[5] = Kind<int>() + (10 * Kind<float>()) + (100 * Kind<byte>());
        own[6] = SumOf(new Pair<int>(x, 3));
        own[7] = Interop.SizeOf<Pair<short>>();
        own[8] = (int)Largest(0.5f * (x & 7), 1.25f);
    }

    public static void Structs(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        var point = new Point(x, x + 1);
        Point copy = point;
        copy.X += 10;
        copy.Move(1, 2);
        own[0] = point.X;
        own[1] = copy.X;
        own[2] = copy.Y;
        Point swapped = Swap(copy);
        own[3] = swapped.X;
        Box box = default;
        box.Low = point;
        box.High.Y = 9;
        box.High.Move(x, x);
        own[4] = box.High.X + box.Low.Y;
        own[5] = box.Area;
        Box other = box with { Low = swapped };
        own[6] = other.Low.X - box.Low.X;
        (int first, int second) = (x, other.High.X);
        (first, second) = (second, first);
        own[7] = first - (2 * second);
        Point chosen = x > 0 ? point : swapped;
        own[8] = chosen.Y;
        for (int i = 0; i < 3; i++)
        {
            chosen.Move(i, x);
        }

        own[9] = chosen.X ^ chosen.Y;
    }

    public static void References(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        ref int element = ref own[0];
        element = x;
        element += 5;
        ref int second = ref Element(own, 1);
        second = element - 1;
        int local = x;
        ref int alias = ref local;
        alias *= 3;
        own[2] = local;
        Increment(ref local);
        Increment(ref own[2]);
        Split(x, out int high, out int low);
        own[3] = local + high - low;
        ref int chosen = ref x > 3 ? ref own[4] : ref own[5];
        chosen = 17;
        Increment(ref chosen);
        var point = new Point(1, 2);
        ref int field = ref point.Y;
        field = x;
        own[6] = point.X + point.Y + Norm(in point);
        ref int cursor = ref own[7];
        for (int i = 8; i < 12; i++)
        {
            cursor = i * x;
            cursor = ref own[i];
        }

        cursor = -1;
    }

    public static void Views(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        ArrayView<int> part = input.SubView(Lane, 8).SubView(2);
        own[0] = part[0] + part[part.IntLength - 1];
        own[1] = (int)part.Length;
        ArrayView<byte> bytes = part.Cast<byte>();
        own[2] = bytes[1] + bytes[3L];
        own[3] = bytes.IntLength;
        ArrayView<short> shorts = part.Cast<short>();
        own[4] = shorts[(Index1D)1];
        own[5] = (int)part.LengthInBytes;
        own.SubView(6, 2).Cast<short>()[1] = (short)part[1];
        own.Cast<Point>()[4].Y = 3;
        Point loaded = own.Cast<Point>()[4];
        own[10] = loaded.Y;
        own.SubView(11).Cast<sbyte>()[0] = (sbyte)part[3];
        ArrayView<int> none = ArrayView<int>.Empty;
        own[12] = none.IntLength;
        ArrayView<int> either = (part[0] & 1) == 0 ? part : input;
        own[13] = either[0] + either.IntLength;
        Window window = new(part, 2);
        own[14] = window.First + window.Sum();
        ArrayView<Pair<short>> pairs = part.Cast<Pair<short>>();
        own[15] = pairs[1].First - pairs[0].Second;
    }

    public static void Loops(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int sum = 0;
        for (int i = 0; i < 20; i++)
        {
            if ((input[Lane + i] & 3) == 1)
            {
                continue;
            }

            if (input[Lane + i] == int.MinValue)
            {
                break;
            }

            sum += i;
        }

        own[0] = sum;
        int steps = 0;
        uint bits = (uint)input[Lane];
        do
        {
            bits >>= 3;
            steps++;
        }
        while (bits != 0);
        own[1] = steps;
        int nested = 0;
        for (int i = 0; i < 5; i++)
        {
            for (int j = i; j < 5; j++)
            {
                if (j == 3 && (input[Lane] & 1) == 0)
                {
                    break;
                }

                nested += (i * j) + 1;
            }

            while (nested > 20)
            {
                nested -= 7;
            }
        }

        own[2] = nested;
        int found = -1;
        for (int i = 0; i < 6; i++)
        {
            for (int j = 0; j < 6; j++)
            {
                if (((i * j) + input[Lane]) % 7 == 3)
                {
                    found = (i * 10) + j;
                    goto done;
                }
            }
        }

    done:
        own[3] = found;
        int a = 1;
        int b = 2;
        for (int i = 0; i < (input[Lane] & 7); i++)
        {
            (a, b) = (b, a + b);
        }

        own[4] = a;
        own[5] = b;
        while (true)
        {
            a++;
            if (a > 10)
            {
                break;
            }
        }

        own[6] = a;
    }

    public static void Conditions(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        int y = input[Lane + 1];
        own[0] = x > 0 && y > 0 ? 1 : 2;
        own[1] = x > 0 || (y < 0 && x != y) ? x : y;
        own[2] = x > y ? x > 100 ? 3 : 4 : y > 100 ? 5 : 6;
        bool both = x == y | x > 0;
        bool neither = !both && !(y >= 3);
        own[3] = both ? neither ? 1 : 2 : neither ? 3 : 4;
        own[4] = (both ^ neither) ? 1 : 0;
        own[5] = Twice(x < 10 ? x + 1 : Twice(y < 10 ? 1 : y)) + (x == 5 ? 1 : 0);
        both &= y != 0;
        own[6] = both ? 1 : 0;
        own[7] = (uint)x > (uint)y ? 1 : 0;
        own[8] = (uint)x <= 100u ? 1 : 0;
        own[9] = x is > 3 and < 50 or -1 ? 1 : 0;
    }

    public static void Switches(ArrayView<int> input, ArrayView<int> output)
    {
        ArrayView<int> own = Own(output);
        int x = input[Lane];
        switch (x & 7)
        {
            case 0:
                own[0] = 10;
                break;
            case 1:
            case 2:
                own[0] = 20 + x;
                break;
            case 3:
                own[0] = 30;
                goto case 0;
            case 5:
                own[1] = 1;
                return;
            default:
                own[0] = 40;
                break;
        }

        own[2] = x switch
        {
            0 => 5,
            100 => 6,
            int.MaxValue => 7,
            < 0 => 8,
            _ => 9,
        };
        own[3] = (Color)(x & 3) switch
        {
            Color.Red => 1,
            Color.Green => 2,
            Color.Blue => 3,
            _ => 4,
        };
        own[4] = (int)(Color)((byte)x);
    }

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

    private static int Lane => (Grid.IdxX * Group.DimX) + Group.IdxX;

    private static ArrayView<int> Own(ArrayView<int> output) => output.SubView(Lane * Places, Places);

    private static int Twice(int value) => value * 2;

    private static int Sign(int value)
    {
        if (value > 0)
        {
            return 1;
        }

        return value < 0 ? -1 : 0;
    }

    private static int Collatz(int value, int limit)
    {
        for (int i = 0; i < limit; i++)
        {
            if (value <= 1)
            {
                return i;
            }

            value = (value & 1) == 0 ? value / 2 : (3 * value) + 1;
        }

        return limit;
    }

    private static void Put(ArrayView<int> target, int index, int value)
    {
        if (value < 0)
        {
            target[index] = 1;
            return;
        }

        target[index] = 2;
    }

    private static int Optional(int first, int second = 2, int third = 3) => first + (second * third);

    private static int Fold<TOperation>(ArrayView<int> values, int first, int count)
        where TOperation : struct, IOperation
    {
        int result = TOperation.Unit;
        for (int i = 0; i < count; i++)
        {
            result = TOperation.Apply(result, values[first + i]);
        }

        return result;
    }

    private static int FoldTwice<TOperation>(ArrayView<int> values, int first, int count)
        where TOperation : struct, IOperation => TOperation.Apply(Fold<AddOperation>(values, first, count), TOperation.Size);

    private static T Largest<T>(T first, T second)
        where T : unmanaged, INumber<T> => first > second ? first : second + T.One;

    private static int Kind<T>()
        where T : unmanaged => typeof(T) == typeof(int) ? 1 : typeof(T) != typeof(float) ? 2 : 3;

    private static int SumOf<TPair>(TPair pair)
        where TPair : struct, IPair => pair.Left + pair.Right;

    private static Point Swap(Point point) => new(point.Y, point.X);

    private static ref int Element(ArrayView<int> values, int index) => ref values[index];

    private static void Increment(ref int value) => value++;

    private static void Split(int value, out int high, out int low)
    {
        high = value >> 16;
        low = value & 0xFFFF;
    }

    private static int Norm(in Point point) => (point.X * point.X) + point.Y;

    private static int Wrapped(byte unsigned, sbyte signed)
    {
        unsigned++;
        signed--;
        return unsigned - signed;
    }

    private enum Color : byte
    {
        Red,
        Green,
        Blue,
    }

    private interface IOperation
    {
        static abstract int Unit { get; }

        static virtual int Size => 5;

        static abstract int Apply(int first, int second);
    }

    private interface IPair
    {
        int Left { get; }

        int Right { get; }
    }

    private readonly struct AddOperation : IOperation
    {
        public static int Unit => 0;

        public static int Size => 2;

        public static int Apply(int first, int second) => first + second;
    }

    private readonly struct XorOperation : IOperation
    {
        public static int Unit => -1;

        public static int Apply(int first, int second) => first ^ second;
    }

    private readonly record struct Pair<T>(T First, T Second) : IPair
        where T : unmanaged, INumber<T>
    {
        public int Left => int.CreateTruncating(First);

        public int Right => int.CreateTruncating(Second);
    }

    private struct Point(int x, int y)
    {
        public int X = x;

        public int Y = y;

        public void Move(int x, int y)
        {
            X += x;
            Y += y;
        }
    }

    private struct Box
    {
        public Point Low;

        public Point High;

        public readonly int Area => (High.X - Low.X) * (High.Y - Low.Y);
    }

    private struct Accumulator
    {
        public int Total;

        public void Add(int value) => Total = (Total * 3) + value;
    }

    private struct Countdown(int from)
    {
        private int _next = from;

        public readonly int Current => _next;

        public readonly Countdown GetEnumerator() => this;

        public bool MoveNext() => _next-- > 0;
    }

    private readonly struct Window(ArrayView<int> view, int length)
    {
        private readonly ArrayView<int> _view = view;

        public int First => _view[0];

        public int Sum()
        {
            int sum = 0;
            for (int i = 0; i < length; i++)
            {
                sum += _view[i];
            }

            return sum;
        }
    }
}
