using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>The names safetensors gives to element types.</summary>
internal static class SafeTensorsTypes
{
    private static readonly string[] KnownButUnsupported =
    [
        "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
        "I16", "U16", "I32", "U32", "I64", "U64", "F64", "C64",
    ];

    /// <summary>The name in a header.</summary>
    public static string Name(TensorType type) => type switch
    {
        TensorType.Float32 => "F32",
        TensorType.Float16 => "F16",
        TensorType.BFloat16 => "BF16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no tensor type"),
    };

    /// <summary>The type of a name in a header.</summary>
    /// <exception cref="CheckpointException">A type that safetensors does not know, or one that is no weight type here.</exception>
    public static TensorType Parse(string name, string file, string tensor) => name switch
    {
        "F32" => TensorType.Float32,
        "F16" => TensorType.Float16,
        "BF16" => TensorType.BFloat16,
        _ when KnownButUnsupported.Contains(name) =>
            throw new CheckpointException(file, $"expected dtype F32, F16 or BF16, found {name}, which is not supported for weights", tensor),
        _ => throw new CheckpointException(
            file, $"expected dtype F32, F16 or BF16, found \"{StrictJson.OneLine(name)}\", which safetensors does not know", tensor),
    };
}
