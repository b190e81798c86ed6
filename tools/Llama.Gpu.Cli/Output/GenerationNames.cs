using Llama.Gpu.Chat;
using Llama.Gpu.Generation;

namespace Llama.Gpu.Cli.Output;

/// <summary>Names of what happens in a generation, as the command line writes them.</summary>
internal static class GenerationNames
{
    public static string Of(StopReason reason) => reason switch
    {
        StopReason.MaxTokens => "max_tokens",
        StopReason.StopToken => "stop_token",
        StopReason.StopString => "stop_string",
        _ => "context_full",
    };

    public static string Of(MessageRole role) => role switch
    {
        MessageRole.System => "system",
        MessageRole.User => "user",
        _ => "assistant",
    };
}
