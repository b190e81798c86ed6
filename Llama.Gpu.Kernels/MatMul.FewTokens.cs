namespace Llama.Gpu.Kernels;

/// <summary>
/// The product for a few tokens, as of sequences that are decoded together. It is bound by the bandwidth of the weights as
/// <see cref="MatVec"/> is, and made like it: a warp takes rows whose lanes read contiguous stretches, in pairs, and multiplies a pair
/// with four tokens at a time. A pair is short enough to stay in the cache until the last token, so that weights cross the memory once.
/// Each product is added up in the order in which <see cref="MatVec"/> adds, and has its bits.
/// </summary>
public sealed partial class MatMul
{
    private const int TokensAtOnce = 4;

    private readonly KernelByType<FewTokensLaunch> _fewTokensKernels;
    private readonly int _warpSize;

    internal delegate void FewTokensLaunch(
        AcceleratorStream stream,
        KernelConfig config,
        ArrayView<float> input,
        WeightView weight,
        ArrayView<float> output,
        int tokenCount,
        int outputSize,
        int inputSize,
        int warpBlocks);

    internal static void FewTokensKernel<T, TElement, TRun>(
        ArrayView<float> input,
        ArrayView<T> weight,
        ArrayView<float> output,
        int tokenCount,
        int outputSize,
        int inputSize,
        int warpBlocks)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
    {
        Share share = Share.Of(outputSize, Grid.IdxX, warpBlocks);
        int pairs = share.Blocks << 1;
        for (int i = 0; i < pairs; i++)
        {
            int first = share.Row(i >> 1) + ((i & 1) * 2 * share.Stride);
            int second = first + share.Stride;
            for (int token = 0; token < tokenCount; token += TokensAtOnce)
            {
                MultiplyPair<T, TElement, TRun>(input, weight, output, token, tokenCount, first, second, outputSize, inputSize);
            }
        }
    }

    // rows and tokens that are not there are computed as the last one, and not stored
    private static void MultiplyPair<T, TElement, TRun>(
        ArrayView<float> input,
        ArrayView<T> weight,
        ArrayView<float> output,
        int token,
        int tokenCount,
        int first,
        int second,
        int outputSize,
        int inputSize)
        where T : unmanaged
        where TElement : struct, IElement<T>
        where TRun : struct, ILaneRun
    {
        ArrayView<T> row0 = WeightRows.Row(weight, first, outputSize, inputSize);
        ArrayView<T> row1 = WeightRows.Row(weight, second, outputSize, inputSize);
        ArrayView<float> token0 = WeightRows.Row(input, token, tokenCount, inputSize);
        ArrayView<float> token1 = WeightRows.Row(input, token + 1, tokenCount, inputSize);
        ArrayView<float> token2 = WeightRows.Row(input, token + 2, tokenCount, inputSize);
        ArrayView<float> token3 = WeightRows.Row(input, token + 3, tokenCount, inputSize);
        int lane = Warp.LaneIdx;
        int lanes = WarpReduction.LaneCount();
        int span = lanes * TRun.Length;
        int whole = inputSize - (inputSize % span);
        Float4 sums0 = default;
        Float4 sums1 = default;
        for (int start = 0; start < whole; start += span)
        {
            int at = start + (lane * TRun.Length);
            for (int j = 0; j < TRun.Length; j++)
            {
                var x = new Float4(token0[at + j], token1[at + j], token2[at + j], token3[at + j]);
                sums0 = Add(TElement.ToFloat(row0[at + j]), x, sums0);
                sums1 = Add(TElement.ToFloat(row1[at + j]), x, sums1);
            }
        }

        for (int k = whole + lane; k < inputSize; k += lanes)
        {
            var x = new Float4(token0[k], token1[k], token2[k], token3[k]);
            sums0 = Add(TElement.ToFloat(row0[k]), x, sums0);
            sums1 = Add(TElement.ToFloat(row1[k]), x, sums1);
        }

        Float4 products0 = WeightRows.Reduce(sums0);
        Float4 products1 = WeightRows.Reduce(sums1);
        if (Warp.IsFirstLane)
        {
            StoreProducts(output, token, tokenCount, first, outputSize, products0);
            StoreProducts(output, token, tokenCount, second, outputSize, products1);
        }
    }

    private static Float4 Add(float weight, Float4 x, Float4 sums) => new(
        MultiplyAdd.Of(weight, x.X, sums.X),
        MultiplyAdd.Of(weight, x.Y, sums.Y),
        MultiplyAdd.Of(weight, x.Z, sums.Z),
        MultiplyAdd.Of(weight, x.W, sums.W));

    private static void StoreProducts(ArrayView<float> output, int token, int tokenCount, int row, int outputSize, Float4 products)
    {
        StoreProduct(output, token, tokenCount, row, outputSize, products.X);
        StoreProduct(output, token + 1, tokenCount, row, outputSize, products.Y);
        StoreProduct(output, token + 2, tokenCount, row, outputSize, products.Z);
        StoreProduct(output, token + 3, tokenCount, row, outputSize, products.W);
    }

    private static void StoreProduct(ArrayView<float> output, int token, int tokenCount, int row, int outputSize, float product)
    {
        if (row < outputSize && token < tokenCount)
        {
            output[((long)token * outputSize) + row] = product;
        }
    }

    private void RunFewTokens(AcceleratorStream stream, ProductInput input, WeightView weight, ArrayView<float> output, int outputSize)
    {
        var config = _shapes.FourRowsPerWarp(outputSize, _warpSize);
        int warpBlocks = _shapes.WarpBlocksFor(outputSize, _warpSize);
        _fewTokensKernels[weight.Type](
            stream, config, input.Values, weight, output, input.TokenCount, outputSize, input.InputSize, warpBlocks);
    }

    private sealed class FewTokens(LaunchShapes shapes) : IRunKernel<FewTokensLaunch>
    {
        public LaunchShapes Shapes => shapes;

        public FewTokensLaunch Load<T, TElement, TRun>(Accelerator accelerator)
            where T : unmanaged
            where TElement : struct, IElement<T>
            where TRun : struct, ILaneRun
        {
            var kernel = accelerator.LoadKernel<ArrayView<float>, ArrayView<T>, ArrayView<float>, int, int, int, int>(
                FewTokensKernel<T, TElement, TRun>);
            return (stream, config, input, weight, output, tokenCount, outputSize, inputSize, warpBlocks) =>
                kernel(stream, config, input, weight.As<T>(), output, tokenCount, outputSize, inputSize, warpBlocks);
        }
    }
}
