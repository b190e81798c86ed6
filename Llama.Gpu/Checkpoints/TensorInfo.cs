using System.Collections.Immutable;

namespace Llama.Gpu.Checkpoints;

/// <summary>Where a tensor lies and what it is. Row-major, little-endian, dense.</summary>
/// <param name="Name">Name in the checkpoint, such as <c>model.layers.0.self_attn.q_proj.weight</c>.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Extent of each dimension, outermost first.</param>
/// <param name="File">Path of the file that holds it.</param>
/// <param name="Offset">First byte in that file.</param>
/// <param name="ByteLength">Number of bytes: the product of the shape times the element size.</param>
public sealed record TensorInfo(string Name, TensorType Type, ImmutableArray<long> Shape, string File, long Offset, long ByteLength)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => ByteLength / Type.ElementSize();
}
