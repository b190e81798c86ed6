using System.Runtime.CompilerServices;

namespace Llama.Gpu.Generation;

/// <summary>Generations that start from what a KV cache holds already of their prompt.</summary>
internal static class PrefixReuse
{
    /// <summary>Continues a sequence of which the session may hold the beginning.</summary>
    /// <param name="generator">Works on <paramref name="session"/>.</param>
    /// <param name="session">Is rewound to where the prompt differs from what it holds.</param>
    /// <param name="promptIds">The whole sequence.</param>
    /// <param name="sources">Sessions of the same model, whose caches may hold more of it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the enumeration with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The pieces; the result has all of the prompt's ids, and says how many of them were not computed.</returns>
    public static async IAsyncEnumerable<GeneratedPiece> GenerateAsync(
        TextGenerator generator,
        TrackedSession session,
        int[] promptIds,
        TrackedSession[] sources,
        GenerationOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int reused = await session.PrepareAsync(promptIds, sources, cancellationToken).ConfigureAwait(false);
        var pieces = generator.GenerateAsync(promptIds.AsMemory(reused), options, cancellationToken);
        await foreach (var piece in pieces.ConfigureAwait(false))
        {
            yield return piece.Result is { } result
                ? piece with { Result = result with { PromptIds = [.. promptIds], ReusedTokens = reused } }
                : piece;
        }
    }
}
