namespace Llama.Gpu.Kernels;

/// <summary>
/// Weights of V tokens relative to the largest logit: <c>weight[i] = exp((logit[i] - max) / temperature)</c> as
/// <see cref="ExactWeights"/> has them, and the id of the largest. Where tokens are to be cut off by top-k or top-p, they are put into classes
/// by magnitude and each class is counted and added up, so that the border has only to be looked for in one class. Second of the three steps
/// of <see cref="TokenSampling"/>.
/// </summary>
public sealed class TokenWeights
{
    private readonly LaunchShapes _shapes;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, SamplingScratch, ArrayView<long>, int> _kernel;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    /// <param name="shapes">How work is cut, or null for <see cref="LaunchShapes.For"/>.</param>
    public TokenWeights(Accelerator accelerator, LaunchShapes? shapes = null)
    {
        _shapes = shapes ?? LaunchShapes.For(accelerator);
        _kernel = accelerator.LoadKernel<ArrayView<float>, SamplingScratch, ArrayView<long>, int>(Kernel);
    }

    /// <summary>Bytes and operations of one run; an exponential counts as one.</summary>
    public static Cost CostOf(int vocabulary) => new(14L * vocabulary, 4L * vocabulary);

    /// <summary>Starts the operation on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="logits">(V).</param>
    /// <param name="scratch">Has the peak; the rest of it is filled.</param>
    /// <param name="choice">What <see cref="TokenChoice.Encode"/> gives.</param>
    /// <param name="vocabulary">V, at least 1.</param>
    /// <exception cref="ArgumentException">A view does not have its shape, or the extent is out of range.</exception>
    public void Run(AcceleratorStream stream, ArrayView<float> logits, in SamplingScratch scratch, ArrayView<long> choice, int vocabulary)
    {
        Require.Dimension(vocabulary);
        Require.Holds(logits, vocabulary);
        Require.Holds(choice, TokenChoice.Length);
        _kernel(stream, _shapes.Elementwise(vocabulary), logits, scratch, choice, vocabulary);
    }

    internal static void Kernel(ArrayView<float> logits, SamplingScratch scratch, ArrayView<long> choice, int vocabulary)
    {
        double temperature = Interop.IntAsFloat((ulong)choice[TokenChoice.TemperatureAt]);
        double topP = Interop.IntAsFloat((ulong)choice[TokenChoice.TopPAt]);
        bool cuts = choice[TokenChoice.TopKAt] > 0L || topP < 1.0;
        int peak = scratch.Peak[0];
        float max = TokenOrder.Logit(peak);
        int end = (int)Spread.End(vocabulary, Grid.IdxX, Grid.DimX);
        int lanes = Group.DimX;
        for (int id = (int)Spread.First(vocabulary, Grid.IdxX, Grid.DimX) + Group.IdxX; id < end; id += lanes)
        {
            float logit = logits[id];
            if (TokenOrder.OfLogit(logit) == peak)
            {
                Atomic.Min(ref scratch.Peak[1], id);
            }

            if (temperature > 0.0)
            {
                double exponent = ((double)logit - max) / temperature;
                long weight = ExactWeights.OfExponent(exponent);
                scratch.Weights[id] = weight;
                if (cuts)
                {
                    int ofToken = SamplingScratch.Classes - 1;
                    if (weight > 0L)
                    {
                        ofToken = (int)(-exponent * SamplingScratch.ClassesPerEFold);
                        Atomic.Add(ref scratch.ClassCounts[ofToken], 1);
                        Atomic.Add(ref scratch.ClassWeights[ofToken], weight);
                    }

                    scratch.ClassOf[id] = (short)ofToken;
                }
            }
        }
    }
}
