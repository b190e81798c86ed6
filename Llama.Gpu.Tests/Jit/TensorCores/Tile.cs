namespace Llama.Gpu.Tests.Jit.TensorCores;

/// <summary>
/// Random matrices for an m16n8k16 product, and where the elements of a lane's fragments lie by NVIDIA's manual ("Matrix Fragments for
/// mma.m16n8k16 with floating point type").
/// </summary>
internal sealed class Tile
{
    private readonly Func<float, ushort> _round;

    /// <param name="seed">Of the random elements.</param>
    /// <param name="round">An element as bits.</param>
    /// <param name="widen">Bits as a number.</param>
    public Tile(int seed, Func<float, ushort> round, Func<ushort, float> widen)
    {
        _round = round;
        var random = new Random(seed);
        A = Make(16, 16, () => widen(round((random.NextSingle() * 4) - 2)));
        B = Make(16, 8, () => widen(round((random.NextSingle() * 4) - 2)));
        C = Make(16, 8, () => (random.NextSingle() * 4) - 2);
    }

    public float[,] A { get; }

    public float[,] B { get; }

    public float[,] C { get; }

    /// <summary>Lane after lane, 4 words each: elements a0 to a7 in pairs.</summary>
    public uint[] WordsOfA => Words(4, (lane, i) =>
        A[(lane / 4) + (i is 0 or 1 or 4 or 5 ? 0 : 8), (2 * (lane % 4)) + (i & 1) + (i < 4 ? 0 : 8)]);

    /// <summary>Lane after lane, 2 words each: elements b0 to b3 in pairs.</summary>
    public uint[] WordsOfB => Words(2, (lane, i) => B[(2 * (lane % 4)) + (i & 1) + (i < 2 ? 0 : 8), lane / 4]);

    /// <summary>Lane after lane, elements c0 to c3.</summary>
    public float[] ValuesOfC
    {
        get
        {
            var values = new float[128];
            for (int row = 0; row < 16; row++)
            {
                for (int column = 0; column < 8; column++)
                {
                    values[PlaceInC(row, column)] = C[row, column];
                }
            }

            return values;
        }
    }

    /// <summary>Where an element of C stands among <see cref="ValuesOfC"/>.</summary>
    public static int PlaceInC(int row, int column) => (4 * ((4 * (row % 8)) + (column / 2))) + (column & 1) + (row < 8 ? 0 : 2);

    /// <summary>An element of the result in double precision, and the sum of the magnitudes that it is made of.</summary>
    public (double Sum, double Magnitude) Product(int row, int column)
    {
        double sum = C[row, column];
        double magnitude = Math.Abs(sum);
        for (int k = 0; k < 16; k++)
        {
            double product = (double)A[row, k] * B[k, column];
            sum += product;
            magnitude += Math.Abs(product);
        }

        return (sum, magnitude);
    }

    private static float[,] Make(int rows, int columns, Func<float> next)
    {
        var matrix = new float[rows, columns];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                matrix[row, column] = next();
            }
        }

        return matrix;
    }

    private uint[] Words(int count, Func<int, int, float> element) =>
    [
        .. from lane in Enumerable.Range(0, 32)
           from word in Enumerable.Range(0, count)
           select _round(element(lane, 2 * word)) | ((uint)_round(element(lane, (2 * word) + 1)) << 16),
    ];
}
