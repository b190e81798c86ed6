using System.Numerics;
using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>What the kernels of features call.</summary>
public static partial class FeatureKernels
{
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
