namespace Llama.Gpu.Kernels;

/// <summary>Element type of a weight tensor or of a key-value cache.</summary>
public enum TensorType
{
    /// <summary>IEEE 754 binary32, 4 bytes.</summary>
    Float32,

    /// <summary>IEEE 754 binary16, 2 bytes.</summary>
    Float16,

    /// <summary>Brain floating point, 2 bytes.</summary>
    BFloat16,
}

/// <summary>Facts about <see cref="TensorType"/>.</summary>
public static class TensorTypes
{
    /// <summary>Bytes an element takes.</summary>
    public static int ElementSize(this TensorType type) => type == TensorType.Float32 ? 4 : 2;
}
