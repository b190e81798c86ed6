namespace Llama.Gpu.Checkpoints;

/// <summary>
/// The two orders in which a head's rows are stored. RoPE turns pairs: Meta's own weights, and those of GGUF files, have the two
/// of a pair next to each other (2i, 2i + 1); Hugging Face's, and so this library's, have them half a head apart (i, i + head dim / 2).
/// The query and key projections and their biases are brought from the first order to the second here and nowhere else.
/// </summary>
internal static class RotaryLayout
{
    /// <summary>The row of an interleaved projection that is some row of the halved one.</summary>
    /// <param name="row">Row of the halved projection: head * <paramref name="headDim"/> + index within the head.</param>
    /// <param name="headDim">Rows of a head; even.</param>
    public static long InterleavedRow(long row, int headDim)
    {
        long head = row / headDim;
        long within = row % headDim;
        int half = headDim / 2;
        long interleaved = within < half ? 2 * within : 2 * (within - half) + 1;
        return head * headDim + interleaved;
    }

    /// <summary>A projection, or its bias, in the halved order.</summary>
    /// <param name="interleaved">As it is stored.</param>
    /// <param name="headDim">Rows of a head.</param>
    public static StoredTensor ToHalved(StoredTensor interleaved, int headDim)
    {
        long rowLength = interleaved.Info.ByteLength / interleaved.Info.Shape[0];
        return interleaved with
        {
            Content = new ReorderedContent(interleaved.Content, rowLength, row => InterleavedRow(row, headDim)),
        };
    }
}
