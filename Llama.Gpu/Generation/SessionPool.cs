using System.Runtime.CompilerServices;
using Llama.Gpu.Model;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Generation;

/// <summary>
/// Several sequences at once over one set of weights, each with a KV cache of its own. A prompt goes to a session that holds its
/// beginning already, or gets a copy of that from one that does: what prompts share is computed once.
/// </summary>
/// <remarks>
/// Sequences that are at work at the same time are decoded together, whatever their lengths: a pass over the weights computes a token
/// of each if the sessions can (<see cref="IBatchSession"/>); else they take turns. In company the same
/// products are added up in another order than alone, so that a token may differ where two are all but equally likely.
/// </remarks>
public sealed class SessionPool : IDisposable
{
    private readonly PassScheduler _scheduler = new();
    private readonly Lock _lock = new();
    private readonly Func<IDecoderSession> _create;
    private readonly ITokenizer? _tokenizer;
    private readonly int[] _endOfTextIds;
    private readonly int _maxSessions;
    private readonly SemaphoreSlim _places;
    private readonly List<Member> _members = [];
    private long _uses;

    /// <param name="create">Makes a session; all of one model, and of the same length.</param>
    /// <param name="maxSessions">Most sessions, and so most sequences at a time; further ones wait. At least 1.</param>
    /// <param name="tokenizer">Null for ids in, ids out.</param>
    /// <param name="endOfTextIds">Tokens that end a text according to the checkpoint, added to those of the tokenizer.</param>
    public SessionPool(
        Func<IDecoderSession> create, int maxSessions, ITokenizer? tokenizer = null, IEnumerable<int>? endOfTextIds = null)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSessions, 1);
        _create = create;
        _tokenizer = tokenizer;
        _endOfTextIds = [.. endOfTextIds ?? []];
        _maxSessions = maxSessions;
        _places = new SemaphoreSlim(maxSessions);
    }

    /// <summary>How long those of a pass are waited for before the next; by default a quarter of what the pass took.</summary>
    internal TimeSpan Patience
    {
        init => _scheduler = new PassScheduler(value);
    }

    /// <summary>Continues a sequence of tokens; see <see cref="TextGenerator.GenerateAsync(ReadOnlyMemory{int}, GenerationOptions?, CancellationToken)"/>.</summary>
    /// <param name="promptIds">The whole sequence, at least one id.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the enumeration with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The pieces as they come; the result says how many ids of the prompt were not computed.</returns>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the context.</exception>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(
        ReadOnlyMemory<int> promptIds, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (promptIds.IsEmpty)
        {
            throw new ArgumentException("prompt: expected at least one token, found none", nameof(promptIds));
        }

        return RunAsync(promptIds.ToArray(), options ?? new GenerationOptions(), cancellationToken);
    }

    /// <summary>Continues a sequence to its end.</summary>
    public async Task<GenerationResult> CompleteAsync(
        ReadOnlyMemory<int> promptIds, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        GenerationResult? result = null;
        await foreach (var piece in GenerateAsync(promptIds, options, cancellationToken).ConfigureAwait(false))
        {
            result = piece.Result;
        }

        return result!;
    }

    /// <summary>Continues several sequences to their ends, as many at a time as there are sessions.</summary>
    /// <param name="prompts">Sequences of any lengths.</param>
    /// <param name="options">How, for each of them; null for the defaults.</param>
    /// <param name="cancellationToken">Ends them all.</param>
    /// <returns>The results in the order of the prompts.</returns>
    public Task<GenerationResult[]> CompleteAllAsync(
        IEnumerable<ReadOnlyMemory<int>> prompts, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        return Task.WhenAll([.. prompts.Select(prompt => CompleteAsync(prompt, options, cancellationToken))]);
    }

    /// <summary>Frees every session; none may be at work.</summary>
    public void Dispose()
    {
        _members.ForEach(member => member.Session.Dispose());
        _members.Clear();
        _places.Dispose();
    }

    private async IAsyncEnumerable<GeneratedPiece> RunAsync(
        int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        Member? member = null;
        try
        {
            // sessions are made, and their memory is taken, while none of them computes
            (member, var others) = await _scheduler.RunAsync(() => Take(prompt), cancellationToken).ConfigureAwait(false);
            var pieces = PrefixReuse.GenerateAsync(member.Generator, member.Session, prompt, others, options, cancellationToken);
            await foreach (var piece in pieces.ConfigureAwait(false))
            {
                yield return piece;
            }
        }
        finally
        {
            member?.Session.Leave();
            lock (_lock)
            {
                member?.Busy = false;
            }

            _places.Release();
        }
    }

    private (Member Member, TrackedSession[] Others) Take(int[] prompt)
    {
        lock (_lock)
        {
            var idle = _members.Where(member => !member.Busy).ToArray();
            var chosen = idle.MaxBy(member => member.Session.CommonPrefix(prompt));

            // going on from less than half would throw away what another conversation may come back to
            if (chosen is null || chosen.Session.CommonPrefix(prompt) * 2 < chosen.Session.Position)
            {
                chosen = _members.Count < _maxSessions ? Add() : idle.MinBy(member => member.LastUse)!;
            }

            chosen.Busy = true;
            chosen.LastUse = ++_uses;
            return (chosen, [.. _members.Where(member => member != chosen).Select(member => member.Session)]);
        }
    }

    private Member Add()
    {
        var session = TrackedSession.Over(_create(), _scheduler);
        var member = new Member(session, new TextGenerator(session, _tokenizer, _endOfTextIds));
        _members.Add(member);
        return member;
    }

    private sealed class Member(TrackedSession session, TextGenerator generator)
    {
        public TrackedSession Session { get; } = session;

        public TextGenerator Generator { get; } = generator;

        public bool Busy { get; set; }

        public long LastUse { get; set; }
    }
}
