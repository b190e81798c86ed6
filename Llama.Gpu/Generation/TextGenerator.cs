using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Llama.Gpu.Model;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Generation;

/// <summary>
/// Continues texts on a decoder session. Each prompt is appended to what the session holds, so that a conversation goes on where it
/// stood; <see cref="IDecoderSession.Rewind"/> to 0 starts anew. One generation at a time.
/// </summary>
/// <remarks>
/// A generation works only while its consumer asks for the next piece, on a thread of the pool and never on the caller's
/// synchronization context. Leaving the loop early therefore stops it at once. After cancellation or an error the session stands
/// after the last step that was completed, and can be used again.
/// </remarks>
public sealed class TextGenerator
{
    private readonly IDecoderSession _session;
    private readonly ITokenizer? _tokenizer;
    private readonly ImmutableArray<int> _endOfTextIds;

    // the ids that the session holds from _contextStart on: what the repetition penalty looks at
    private readonly List<int> _context = [];
    private int _contextStart;
    private int _running;

    /// <param name="session">The session to continue; stays the caller's to dispose.</param>
    /// <param name="tokenizer">Null for ids in, ids out.</param>
    /// <param name="endOfTextIds">Tokens that end a text according to the checkpoint, added to those of the tokenizer.</param>
    public TextGenerator(IDecoderSession session, ITokenizer? tokenizer = null, IEnumerable<int>? endOfTextIds = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        _session = session;
        _tokenizer = tokenizer;
        _endOfTextIds = [.. endOfTextIds ?? [], .. tokenizer?.EndOfTextIds ?? []];
        _contextStart = session.Position;
    }

    /// <summary>Continues a text.</summary>
    /// <param name="prompt">The text to go on from.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the enumeration with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The pieces as they come; the last one carries the result.</returns>
    /// <exception cref="InvalidOperationException">There is no tokenizer, or another generation is running.</exception>
    /// <exception cref="ArgumentException">An option out of its range, or an empty prompt.</exception>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the context.</exception>
    /// <exception cref="SamplingException">The model's logits are not numbers.</exception>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var tokenizer = _tokenizer ?? throw new InvalidOperationException("a text prompt needs a tokenizer, and there is none");
        options ??= new GenerationOptions();
        return Checked(() => tokenizer.Encode(prompt, options.AddBeginOfText, options.ParseSpecial), options, cancellationToken);
    }

    /// <summary>Continues a sequence of tokens.</summary>
    /// <param name="promptIds">At least one id, taken as they are: no token is put before them.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the enumeration with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The pieces as they come; the last one carries the result.</returns>
    /// <exception cref="InvalidOperationException">Another generation is running.</exception>
    /// <exception cref="ArgumentException">An option out of its range, no id, or one outside the vocabulary.</exception>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the context.</exception>
    /// <exception cref="SamplingException">The model's logits are not numbers.</exception>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(
        ReadOnlyMemory<int> promptIds, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        int[] prompt = promptIds.ToArray();
        return Checked(() => prompt, options ?? new GenerationOptions(), cancellationToken);
    }

    /// <summary>Continues a text to its end; see <see cref="GenerateAsync(string, GenerationOptions?, CancellationToken)"/>.</summary>
    public Task<GenerationResult> CompleteAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        LastAsync(GenerateAsync(prompt, options, cancellationToken));

    /// <summary>
    /// Continues ids to their end; see <see cref="GenerateAsync(ReadOnlyMemory{int}, GenerationOptions?, CancellationToken)"/>.
    /// </summary>
    public Task<GenerationResult> CompleteAsync(
        ReadOnlyMemory<int> promptIds, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        LastAsync(GenerateAsync(promptIds, options, cancellationToken));

    private static async Task<GenerationResult> LastAsync(IAsyncEnumerable<GeneratedPiece> pieces)
    {
        GenerationResult? result = null;
        await foreach (var piece in pieces.ConfigureAwait(false))
        {
            result = piece.Result;
        }

        return result!;
    }

    // wrong arguments are reported by the call itself, not by the first step of its enumeration
    private IAsyncEnumerable<GeneratedPiece> Checked(
        Func<int[]> prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        options.Sampling.Validate();
        if (options.LogProbabilities is int top)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(top, nameof(options));
        }

        if (_tokenizer is null && !options.StopStrings.IsDefaultOrEmpty)
        {
            throw new InvalidOperationException("stop strings need a tokenizer, and there is none");
        }

        NewStopConditions(options);
        return RunAsync(prompt, options, cancellationToken);
    }

    private async IAsyncEnumerable<GeneratedPiece> RunAsync(
        Func<int[]> prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _running, 1) != 0)
        {
            throw new InvalidOperationException("another generation is running on this generator");
        }

        try
        {
            var run = await Task.Run(() => Start(prompt(), options), cancellationToken).ConfigureAwait(false);
            GeneratedPiece piece;
            do
            {
                piece = await run.StepAsync(cancellationToken).ConfigureAwait(false);
                yield return piece;
            }
            while (piece.Result is null);
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    private GenerationRun Start(int[] prompt, GenerationOptions options)
    {
        if (prompt.Length == 0)
        {
            throw new ArgumentException("prompt: expected at least one token, found none", nameof(prompt));
        }

        foreach (int id in prompt)
        {
            if ((uint)id >= (uint)_session.VocabularySize)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(prompt), id, $"prompt: expected token ids from 0 to {_session.VocabularySize - 1}");
            }
        }

        // the session may have been rewound, or used without this generator, since the last run
        int known = _session.Position - _contextStart;
        if (known < 0 || known > _context.Count)
        {
            _context.Clear();
            _contextStart = _session.Position;
        }
        else
        {
            _context.RemoveRange(known, _context.Count - known);
        }

        return new GenerationRun(
            _session, _tokenizer, prompt, _context, new Sampler(options.Sampling), NewStopConditions(options), options);
    }

    private StopConditions NewStopConditions(GenerationOptions options) => new(
        [.. options.IgnoreEndOfText ? [] : _endOfTextIds, .. options.StopTokens.IsDefault ? [] : options.StopTokens],
        options.StopStrings.IsDefault ? [] : options.StopStrings,
        options.MaxTokens);
}
