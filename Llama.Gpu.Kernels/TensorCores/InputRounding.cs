namespace Llama.Gpu.Kernels;

/// <summary>
/// The input of products on tensor cores, rounded to the weight's type: input (T, K) f32, result (T, K) f16 or bf16, to nearest even. In a
/// launch of its own, before the first product, where many groups read each row: they then fetch half the bytes, and copy them past the registers.
/// </summary>
public sealed class InputRounding
{
    /// <summary>K is a multiple of it.</summary>
    internal const int Chunk = 8;

    private const int GroupsPerMultiprocessor = 16;

    private readonly Accelerator _accelerator;

    /// <summary>Prepares the operation for an accelerator.</summary>
    /// <param name="accelerator">Where it will run.</param>
    public InputRounding(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        _accelerator = accelerator;
    }

    /// <summary>Starts the operation on a stream, unless it is done.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="input">(T, K), K a multiple of 8, with scratch memory of at least <see cref="ScratchBytes"/>, from a multiple of 16 bytes on.</param>
    /// <returns>(T, K), in the scratch memory.</returns>
    internal delegate ArrayView<T> Launch<T>(AcceleratorStream stream, ProductInput input)
        where T : unmanaged;

    /// <summary>Bytes and operations of one run.</summary>
    public static Cost CostOf(int tokenCount, int inputSize) => new(6L * tokenCount * inputSize, (long)tokenCount * inputSize);

    /// <summary>Bytes of the rounded input.</summary>
    /// <param name="tokenCount">T.</param>
    /// <param name="inputSize">K.</param>
    public static long ScratchBytes(int tokenCount, int inputSize) => (long)tokenCount * inputSize * sizeof(ushort);

    /// <summary>Loads the kernel of a type.</summary>
    internal Launch<T> Load<T, TElement>()
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        var kernel = _accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, int>(Kernel<T, TElement>);
        int lanes = Math.Min(LaunchShapes.MaxLanes, _accelerator.MaxNumThreadsPerGroup);
        return (stream, input) =>
        {
            ArrayView<T> rounded = input.Scratch.SubView(0, ScratchBytes(input.TokenCount, input.InputSize)).Cast<T>();
            if (input.Form != typeof(T))
            {
                int chunks = checked((int)((long)input.TokenCount * input.InputSize / Chunk));
                int groups = Math.Min(IntrinsicMath.DivRoundUp(chunks, lanes), GroupsPerMultiprocessor * _accelerator.NumMultiprocessors);
                kernel(stream, new KernelConfig(groups, 1, 1, lanes, 1, 1), input.Values, rounded, chunks);
                input.Form = typeof(T);
            }

            return rounded;
        };
    }

    internal static void Kernel<T, TElement>(ArrayView<float> input, ArrayView<T> rounded, int chunks)
        where T : unmanaged
        where TElement : struct, IElement<T>
    {
        ArrayView<float> values = LocalMemory.Allocate<float>(Chunk);
        for (int chunk = (Grid.IdxX * Group.DimX) + Group.IdxX; chunk < chunks; chunk += Grid.DimX * Group.DimX)
        {
            // loads before stores, so that neighbours go together
            long at = (long)chunk << 3;
            for (int i = 0; i < Chunk; i++)
            {
                values[i] = input[at + i];
            }

            for (int i = 0; i < Chunk; i++)
            {
                rounded[at + i] = TElement.FromFloat(values[i]);
            }
        }
    }
}
