using Llama.Gpu.Kernels;

namespace Llama.Gpu.Cli.Output;

/// <summary>Short names of weight types, as the command line writes and reads them.</summary>
internal static class TypeNames
{
    public static string Of(TensorType type) => type switch
    {
        TensorType.Float32 => "f32",
        TensorType.Float16 => "f16",
        _ => "bf16",
    };

    /// <exception cref="FormatException">Not a type; says what was expected and what was found.</exception>
    public static TensorType Parse(string text) => text switch
    {
        "f32" => TensorType.Float32,
        "f16" => TensorType.Float16,
        "bf16" => TensorType.BFloat16,
        _ => throw new FormatException($"type: expected f32, f16 or bf16, found '{text}'"),
    };
}
