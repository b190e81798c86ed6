namespace Llama.Gpu.Generation;

/// <summary>Why a generation ended.</summary>
public enum StopReason
{
    /// <summary>As many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>A token that ends a text, or one of the caller's stop tokens.</summary>
    StopToken,

    /// <summary>One of the caller's stop strings; the text ends before it.</summary>
    StopString,

    /// <summary>The context has no room for another token.</summary>
    ContextFull,
}
