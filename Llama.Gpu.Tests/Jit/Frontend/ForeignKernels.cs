#pragma warning disable CA1508, CA1825, CA1859, IDE0059, IDE0044, CA2201, CA2211 // kernels that are wrong on purpose
using System.Runtime.CompilerServices;
using Llama.Gpu.Jit;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Kernels that each use one thing outside the dialect, in the line marked with the error's number.</summary>
internal static class ForeignKernels
{
    private static int _state = 3;

    private interface IShape
    {
        int Area { get; }
    }

    public static void Type(ArrayView<int> data)
    {
        decimal exact = data[0]; // JIT0001
        data[0] = (int)exact;
    }

    public static void Allocation(ArrayView<int> data)
    {
        var copy = new int[data.IntLength]; // JIT0002
        data[0] = copy[0];
    }

    public static void Boxing(ArrayView<int> data)
    {
        IShape shape = new Square(data[0]); // JIT0003
        data[0] = shape.Area;
    }

    public static void ObjectCall(ArrayView<int> data)
    {
        data[0] = Math.Max(data[0], Comparer<int>.Default.Compare(data[0], data[1])); // JIT0004
    }

    public static void DelegateCall(ArrayView<int> data)
    {
        data[0] = Apply(value => value + 1, data[0]); // JIT0005
    }

    public static void Throw(ArrayView<int> data)
    {
        if (data[0] < 0)
        {
            throw new ArgumentException("negative", nameof(data)); // JIT0006
        }
    }

    public static void TryBlock(ArrayView<int> data)
    {
        Guarded(data); // JIT0007
    }

    public static void Recursion(ArrayView<int> data)
    {
        data[0] = Factorial(data[0]);
    }

    public static void Text(ArrayView<int> data)
    {
        data[0] = "kernel".Length; // JIT0009
    }

    public static void StaticState(ArrayView<int> data)
    {
        data[0] += _state; // JIT0010
    }

    public static void CheckedArithmetic(ArrayView<int> data)
    {
        data[0] = checked(data[0] + 1); // JIT0011
    }

    public static unsafe void PointerArithmetic(ArrayView<int> data)
    {
        int* scratch = stackalloc int[4]; // JIT0012
        data[0] = scratch[data[1]];
    }

    public static void UnknownFunction(ArrayView<int> data)
    {
        data[0] = (int)MathF.Cbrt(data[0]); // JIT0013
    }

    public static void ExtentNotConstant(ArrayView<int> data)
    {
        ArrayView<int> scratch = LocalMemory.Allocate<int>(data.IntLength); // JIT0014
        data[0] = scratch[0];
    }

    public static void LocalReference(ArrayView<int> data)
    {
        int total = 0;
        Atomic.Add(ref total, data[0]); // JIT0015
        data[0] = total;
    }

    public static void ReferenceChosenAtRunTime(ArrayView<int> data)
    {
        int first = data[0];
        int second = data[1];
        ref int larger = ref first > second ? ref first : ref second;
        larger = 0;
        data[0] = first;
        data[1] = second;
    }

    public static void UnsupportedInstruction(ArrayView<int> data)
    {
        int value = data[0];
        data[0] = __refvalue(__makeref(value), int); // JIT0016
    }

    public static void Irreducible(ArrayView<int> data)
    {
        int i = data[0];
        if (data[1] > 0)
        {
            goto inside;
        }

    outside:
        i += 2;
        if (i > 50)
        {
            data[0] = i;
            return;
        }

    inside:
        i += 3;
        if (i < 100)
        {
            goto outside;
        }

        data[0] = i;
    }

    public static void MixedMemory(ArrayView<int> data)
    {
        ArrayView<int> shared = SharedMemory.Allocate<int>(4);
        ArrayView<int> either = data[0] > 0 ? shared : data;
        data[1] = either[0];
    }

    private static int Factorial(int value) => value < 2 ? 1 : value * Factorial(value - 1); // JIT0008

    private static int Apply(Func<int, int> function, int value) => function(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Guarded(ArrayView<int> data)
    {
        try
        {
            data[0]++;
        }
        finally
        {
            data[1]++;
        }
    }

    private readonly struct Square(int side) : IShape
    {
        public int Area => side * side;
    }
}
