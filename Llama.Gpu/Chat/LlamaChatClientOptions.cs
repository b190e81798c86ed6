using Llama.Gpu.Generation;
using Llama.Gpu.Model;

namespace Llama.Gpu.Chat;

/// <summary>How a <see cref="LlamaChatClient"/> works.</summary>
public sealed record LlamaChatClientOptions
{
    /// <summary>Positions of each KV cache; null for the model's, 4096 at most.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Most conversations at a time, each with a KV cache; further ones wait. At least 1.</summary>
    public int MaxConversations { get; init; } = 4;

    /// <summary>What holds where a call's options say nothing.</summary>
    public GenerationOptions Defaults { get; init; } = new();

    /// <summary>How sequences are decoded; null for the defaults.</summary>
    public DecoderSessionOptions? Session { get; init; }

    /// <summary>Name of the model in responses and metadata.</summary>
    public string? ModelId { get; init; }
}
