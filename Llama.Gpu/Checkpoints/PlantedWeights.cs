using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Attention weights whose heads have given singular values: <c>A = U S V^T</c> with U (n, n) and V (hidden, n) orthonormal. Both are
/// cosines of different frequencies (columns of the discrete cosine transform, DCT-II) with random signs of their rows, so that any
/// element is computed on its own and every one takes part.
/// </summary>
internal sealed class PlantedWeights
{
    private readonly LlamaConfig _config;
    private readonly ulong _seed;
    private readonly Dictionary<string, (PlantedSpectrum Spectrum, bool IsOutput)> _planted = new(StringComparer.Ordinal);

    /// <param name="config">The model.</param>
    /// <param name="spectra">By matrix: q, k, v, o.</param>
    /// <param name="seed">Chooses frequencies and signs.</param>
    public PlantedWeights(LlamaConfig config, ImmutableDictionary<char, PlantedSpectrum> spectra, ulong seed)
    {
        _config = config;
        _seed = seed;
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            LayerTensorNames names = TensorNames.Layer(layer);
            foreach (var (matrix, spectrum) in spectra)
            {
                string name = matrix switch
                {
                    'q' => names.QueryWeight, 'k' => names.KeyWeight, 'v' => names.ValueWeight, _ => names.OutputWeight,
                };
                _planted.Add(name, (spectrum, matrix == 'o'));
            }
        }
    }

    /// <summary>Whether a tensor is one of those with given singular values.</summary>
    public bool Has(string tensor) => _planted.ContainsKey(tensor);

    /// <summary>Fills a part of such a tensor.</summary>
    /// <param name="tensor">One that <see cref="Has"/> names.</param>
    /// <param name="firstElement">Index of the part's first element.</param>
    /// <param name="type">Element type.</param>
    /// <param name="destination">A whole number of elements.</param>
    public void Fill(string tensor, long firstElement, TensorType type, Span<byte> destination)
    {
        bool isOutput = _planted[tensor].IsOutput;
        int width = isOutput ? _config.QueryWidth : _config.HiddenSize;
        int size = type.ElementSize();
        int count = destination.Length / size;
        double[] right = new double[_config.HeadDim];
        (int Head, int Position) held = (-1, -1);

        // made anew for each part: that is little work, and those of a whole model are much memory
        var heads = new Dictionary<int, Head>();

        // along the shorter way: an element of the hidden dimension gives a row of V, which serves all of a head's vectors
        long firstRow = firstElement / width;
        long lastRow = (firstElement + count - 1) / width;
        long outer = isOutput ? lastRow - firstRow + 1 : width;
        long inner = isOutput ? width : lastRow - firstRow + 1;
        for (long o = 0; o < outer; o++)
        {
            for (long i = 0; i < inner; i++)
            {
                long row = firstRow + (isOutput ? o : i);
                long column = isOutput ? i : o;
                long at = (row * width) + column - firstElement;
                if (at < 0 || at >= count)
                {
                    continue;
                }

                (int vector, int position) = isOutput ? ((int)column, (int)row) : ((int)row, (int)column);
                int index = vector / _config.HeadDim;
                if (!heads.TryGetValue(index, out Head? head))
                {
                    heads.Add(index, head = MakeHead(tensor, index));
                }

                if (held != (index, position))
                {
                    head.RowOfRight(position, right);
                    held = (index, position);
                }

                Store(destination[((int)at * size)..], type, (float)head.Element(vector % _config.HeadDim, right));
            }
        }
    }

    private static void Store(Span<byte> destination, TensorType type, float value)
    {
        switch (type)
        {
            case TensorType.Float32:
                MemoryMarshal.Write(destination, value);
                break;
            case TensorType.Float16:
                MemoryMarshal.Write(destination, (System.Half)value);
                break;
            default:
                MemoryMarshal.Write(destination, ((Jit.BFloat16)value).Bits);
                break;
        }
    }

    private Head MakeHead(string tensor, int head)
    {
        int rank = Math.Min(_config.HeadDim, _config.HiddenSize);
        double norm = NormalWeights.StandardDeviation * Math.Sqrt((double)_config.HeadDim * _config.HiddenSize);
        return new(_config.HeadDim, _config.HiddenSize, _planted[tensor].Spectrum.Values(rank, norm), NormalWeights.Key(_seed + (ulong)head, tensor));
    }

    private sealed class Head
    {
        private readonly int _length;
        private readonly int[] _frequencies;
        private readonly bool[] _signs;

        // (n, rank): U S
        private readonly double[] _left;

        public Head(int width, int length, double[] singularValues, ulong key)
        {
            // the generator's sequence for a seed is the same on every platform
            var random = new Random((int)(key ^ (key >> 32)));
            _length = length;
            int rank = singularValues.Length;
            _frequencies = Shuffled(random, length)[..rank];
            _signs = [.. Enumerable.Range(0, length).Select(_ => random.Next(2) == 0)];
            int[] ofLeft = Shuffled(random, width)[..rank];
            _left = new double[width * rank];
            for (int row = 0; row < width; row++)
            {
                int sign = random.Next(2) == 0 ? 1 : -1;
                for (int i = 0; i < rank; i++)
                {
                    _left[(row * rank) + i] = sign * Cosine(width, ofLeft[i], row) * singularValues[i];
                }
            }
        }

        /// <summary>A row of V.</summary>
        public void RowOfRight(int row, double[] right)
        {
            for (int i = 0; i < _frequencies.Length; i++)
            {
                right[i] = (_signs[row] ? 1 : -1) * Cosine(_length, _frequencies[i], row);
            }
        }

        /// <summary>An element of the matrix, of a row of U S and a row of V.</summary>
        public double Element(int vector, double[] right)
        {
            int rank = _frequencies.Length;
            ReadOnlySpan<double> left = _left.AsSpan(vector * rank, rank);
            double sum = 0;
            for (int i = 0; i < left.Length; i++)
            {
                sum += left[i] * right[i];
            }

            return sum;
        }

        private static int[] Shuffled(Random random, int count)
        {
            int[] numbers = [.. Enumerable.Range(0, count)];
            random.Shuffle(numbers);
            return numbers;
        }

        private static double Cosine(int length, int frequency, int position) =>
            Math.Cos(Math.PI * frequency * (position + 0.5) / length) * Math.Sqrt((frequency == 0 ? 1.0 : 2.0) / length);
    }
}
