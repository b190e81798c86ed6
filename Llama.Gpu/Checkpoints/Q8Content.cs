using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A tensor in GGUF's Q8_0, read as f32: blocks of 32 values, each a float16 scale and 32 signed bytes. The products are exact in f32
/// (11 bits times 8).
/// </summary>
/// <param name="file">The file.</param>
/// <param name="start">First byte of the first block.</param>
internal sealed class Q8Content(IByteSource file, long start) : TensorContent
{
    /// <summary>The type's number in a file.</summary>
    public const int TypeNumber = 8;

    /// <summary>Values of a block.</summary>
    public const int BlockValues = 32;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 2 + BlockValues;

    /// <inheritdoc/>
    public override void Copy(long offset, Span<byte> target)
    {
        const int WidenedBytes = BlockValues * sizeof(float);
        Span<float> values = stackalloc float[BlockValues];
        while (!target.IsEmpty)
        {
            var block = file.Read(start + offset / WidenedBytes * BlockBytes, BlockBytes);
            float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
            for (int i = 0; i < BlockValues; i++)
            {
                values[i] = scale * (sbyte)block[2 + i];
            }

            int within = (int)(offset % WidenedBytes);
            int count = Math.Min(target.Length, WidenedBytes - within);
            MemoryMarshal.AsBytes(values).Slice(within, count).CopyTo(target);
            target = target[count..];
            offset += count;
        }
    }
}
