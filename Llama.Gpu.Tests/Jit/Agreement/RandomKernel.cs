namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>A kernel that <see cref="KernelGenerator"/> made, and the launch that it is for.</summary>
/// <param name="Seed">What it was made from.</param>
/// <param name="Lanes">Lanes of a group.</param>
/// <param name="UsesWarps">Whether its results depend on the size of a warp.</param>
/// <param name="Body">Its statements between declaration of the variables and the stores of their values.</param>
internal sealed record RandomKernel(int Seed, int Lanes, bool UsesWarps, IReadOnlyList<Statement> Body)
{
    /// <summary>Elements of each input; a power of two, so that an index is masked.</summary>
    public const int InputLength = 64;

    /// <summary>Integers that a lane writes: two ints, a uint, the halves of a long, an int of a struct, a sum of local memory, one more.</summary>
    public const int IntsPerLane = 8;

    /// <summary>Floats that a lane writes: two, one of a struct, and last the value of a function that is not exact everywhere.</summary>
    public const int FloatsPerLane = 4;

    private const string Head = """
        using System.Numerics;
        using Llama.Gpu.Jit;

        public struct Pair(int a, float b)
        {
            public int A = a;
            public float B = b;

            public readonly Pair Turned() => new((int)B, A * 0.5f);

            public void Move(int by) => A = unchecked(A + by);
        }

        """;

    private const string Helpers = """
            private static int Bits(float value) => float.IsNaN(value) ? 7 : (int)Interop.FloatAsInt(value);

            private static int At(int index, int length) => (int)((uint)index % (uint)length);

            private static int Mixed(int x, int y)
            {
                for (int k = 0; k < 5; k++)
                {
                    if ((x & 1) != 0)
                    {
                        return unchecked(x + (y * k));
                    }

                    x >>= 1;
                }

                return x == 0 ? y : x ^ y;
            }

            private static float Total(Pair pair) => pair.A + pair.B;

            private static void Bump(ref int x, int by) => x = unchecked((x * 31) + by);

            private static void Halves(long value, out int high, out int low)
            {
                high = (int)(value >> 32);
                low = unchecked((int)value);
            }

        """;

    private static readonly string[] Begin =
    [
        "int lane = Group.IdxX;",
        "int i = Grid.GlobalIndex.X;",
        "ArrayView<int> own = LocalMemory.Allocate<int>(8);",
        "ArrayView<int> shared = SharedMemory.Allocate<int>(64);",
        "ArrayView<float> sharedFloats = SharedMemory.Allocate<float>(64);",
        "int a = ints[i & 63];",
        "int b = i * 3;",
        "uint u = (uint)ints[(i + 1) & 63];",
        "long l = ((long)ints[(i + 2) & 63] << 20) ^ n;",
        "float f = floats[i & 63];",
        "float g = (i * 0.25f) - 3f;",
        "Pair p = new(a ^ 5, g);",
        "for (int k = 0; k < 8; k++)",
        "{",
        "    own[k] = a + (k * i);",
        "}",
    ];

    private static readonly string[] End =
    [
        "intsOut[i * 8] = a;",
        "intsOut[(i * 8) + 1] = b;",
        "intsOut[(i * 8) + 2] = (int)u;",
        "intsOut[(i * 8) + 3] = (int)l;",
        "intsOut[(i * 8) + 4] = (int)(l >> 32);",
        "intsOut[(i * 8) + 5] = p.A;",
        "int sum = 0;",
        "for (int k = 0; k < 8; k++)",
        "{",
        "    sum = (sum * 5) + own[k];",
        "}",
        "intsOut[(i * 8) + 6] = sum;",
        "floatsOut[i * 4] = f;",
        "floatsOut[(i * 4) + 1] = g;",
        "floatsOut[(i * 4) + 2] = p.B;",
    ];

    public string Name => $"Kernel{Seed}";

    /// <summary>A file with a class <c>Kernels</c> of kernels.</summary>
    public static string Source(IEnumerable<RandomKernel> kernels) =>
        $"{Head}public static class Kernels\n{{\n{Helpers}{string.Join('\n', kernels.Select(kernel => kernel.Method()))}}}\n";

    /// <summary>The kernel itself.</summary>
    public string Method()
    {
        string[] lines = [.. Begin, .. Body.SelectMany(statement => statement.Lines()), .. End];
        string body = string.Join('\n', lines.Select(line => "            " + line));
        return $$"""
                public static void {{Name}}(ArrayView<int> ints, ArrayView<float> floats, ArrayView<int> intsOut, ArrayView<float> floatsOut, int n)
                {
                    unchecked
                    {
            {{body}}
                    }
                }

            """;
    }
}
