using System.Collections.Immutable;

namespace Llama.Gpu.Generation;

/// <summary>A part of a generation, as it comes.</summary>
/// <param name="Text">
/// Text that is now complete; empty while a character or a stop string may still be unfinished, or without a tokenizer.
/// </param>
/// <param name="Ids">The tokens generated since the last piece: one, or none if there was none to generate.</param>
/// <param name="Result">The whole generation, on the last piece only.</param>
public sealed record GeneratedPiece(string Text, ImmutableArray<int> Ids, GenerationResult? Result)
{
    /// <summary>The log-probabilities of <see cref="Ids"/>, if they were asked for; else empty.</summary>
    public ImmutableArray<TokenLogProbability> LogProbabilities { get; init; } = [];
}

/// <summary>A whole generation.</summary>
public sealed record GenerationResult
{
    /// <summary>The generated text, without the prompt; all pieces' texts together. Empty without a tokenizer.</summary>
    public required string Text { get; init; }

    /// <summary>
    /// The generated ids, without the prompt; a stop token is the last of them, and so are the tokens of a stop string.
    /// The last id has not been given to the session.
    /// </summary>
    public required ImmutableArray<int> Ids { get; init; }

    /// <summary>The generated ids' log-probabilities, if they were asked for; else empty.</summary>
    public ImmutableArray<TokenLogProbability> LogProbabilities { get; init; } = [];

    /// <summary>The prompt's ids.</summary>
    public required ImmutableArray<int> PromptIds { get; init; }

    /// <summary>How many of the prompt's ids, from the first on, a KV cache held already: only the others were computed.</summary>
    public int ReusedTokens { get; init; }

    /// <summary>Why it ended.</summary>
    public required StopReason StopReason { get; init; }

    /// <summary>The stop string that ended it, if one did.</summary>
    public string? StopString { get; init; }

    /// <summary>Seed of the draws.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Time that reading the prompt took, to the first token, without the time for compiling kernels.</summary>
    public required TimeSpan PrefillTime { get; init; }

    /// <summary>
    /// Time that all tokens after the first took, without the time for compiling kernels and without what the caller took between them.
    /// Where other sequences were decoded at the same time, waiting for them is part of it.
    /// </summary>
    public required TimeSpan DecodeTime { get; init; }

    /// <summary>Prompt tokens computed a second.</summary>
    public double PrefillTokensPerSecond => (PromptIds.Length - ReusedTokens) / PrefillTime.TotalSeconds;

    /// <summary>Tokens a second after the first; null if there was no other.</summary>
    public double? DecodeTokensPerSecond => Ids.Length > 1 ? (Ids.Length - 1) / DecodeTime.TotalSeconds : null;
}
