using System.Collections.Immutable;

namespace Llama.Gpu.Generation;

/// <summary>
/// How a text is continued and when that ends. The default: greedy, until a token that ends a text or until the context is full.
/// </summary>
public sealed record GenerationOptions
{
    /// <summary>How each token is chosen.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Most tokens to generate; null for no limit but the context. 0 reads the prompt and generates nothing.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Token ids that end the text, beside those that end every text.</summary>
    public ImmutableArray<int> StopTokens { get; init; } = [];

    /// <summary>Strings that end the text, none empty; the text ends before them. Need a tokenizer.</summary>
    public ImmutableArray<string> StopStrings { get; init; } = [];

    /// <summary>Whether to go on past the tokens that end every text (the checkpoint's and the tokenizer's).</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>Whether a text prompt begins with the tokenizer's beginning-of-text token.</summary>
    public bool AddBeginOfText { get; init; } = true;

    /// <summary>
    /// Whether the text generated stands by itself, as an answer does, rather than going on from the prompt. The space that SentencePiece
    /// puts before each text is then left out of it.
    /// </summary>
    public bool StandsAlone { get; init; }

    /// <summary>Whether special tokens written in a text prompt are read as such; else they are plain text.</summary>
    public bool ParseSpecial { get; init; }

    /// <summary>
    /// Whether the log-probability of each token is wanted, and of how many of the likeliest in its place; 0 for the token alone.
    /// Null, the default, for none.
    /// </summary>
    public int? LogProbabilities { get; init; }
}
