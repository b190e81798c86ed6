using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>
/// One kernel a language feature. Every lane reads <c>input</c>, which holds integers and bits of floats of all kinds, and writes its
/// sixteen places of <c>output</c>. The same file is compiled with optimization, as tests are, and without, by the tests themselves.
/// </summary>
public static partial class FeatureKernels
{
    private const int Places = 16;

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
}
