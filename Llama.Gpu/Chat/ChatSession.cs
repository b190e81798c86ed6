using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;

namespace Llama.Gpu.Chat;

/// <summary>
/// A conversation with a model. Each turn computes only what its KV cache does not hold yet: the new message, as long as nothing
/// before it has changed. When the context is full, the oldest questions and answers are left out of the prompt, and the turn says
/// which; the system's message stays.
/// </summary>
/// <remarks>
/// One turn at a time. A turn that fails, is cancelled or is not enumerated to its end leaves no message behind; what it has
/// computed stays in the cache.
/// </remarks>
public sealed class ChatSession
{
    private readonly ChatFormat _format;
    private readonly TrackedSession _session;
    private readonly TextGenerator _generator;
    private readonly List<Message> _messages = [];
    private int _running;

    /// <param name="session">Rewound to its beginning, and from then on this conversation's alone; stays the caller's to dispose.</param>
    /// <param name="format">How the conversation is written as a prompt.</param>
    /// <param name="endOfTextIds">Tokens that end a text according to the checkpoint, added to those of tokenizer and format.</param>
    public ChatSession(IDecoderSession session, ChatFormat format, IEnumerable<int>? endOfTextIds = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        _format = format;
        _session = TrackedSession.Over(session);
        _generator = new TextGenerator(_session, format.Tokenizer, [.. endOfTextIds ?? [], .. format.StopTokens]);
    }

    /// <summary>The message of the system, before all others; null for none. A change means that all is computed anew.</summary>
    public string? SystemPrompt { get; set; }

    /// <summary>Questions and answers so far, those that the model no longer sees included.</summary>
    public IReadOnlyList<Message> Messages => _messages;

    /// <summary>How many of the <see cref="Messages"/>, from the first on, the model no longer sees.</summary>
    public int DroppedMessages { get; private set; }

    /// <summary>Forgets every message.</summary>
    /// <exception cref="InvalidOperationException">A turn is running.</exception>
    public void Clear()
    {
        CheckIdle();
        _messages.Clear();
        DroppedMessages = 0;
    }

    /// <summary>Forgets the last question and its answer.</summary>
    /// <returns>The question, or null where there was none.</returns>
    /// <exception cref="InvalidOperationException">A turn is running.</exception>
    public Message? Undo()
    {
        CheckIdle();
        if (_messages.Count == 0)
        {
            return null;
        }

        var question = _messages[^2];
        _messages.RemoveRange(_messages.Count - 2, 2);
        DroppedMessages = Math.Min(DroppedMessages, _messages.Count);
        return question;
    }

    /// <summary>Asks something; see <see cref="SendAsync(Message, GenerationOptions?, CancellationToken)"/>.</summary>
    public IAsyncEnumerable<ChatPiece> SendAsync(
        string text, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        SendAsync(new Message(MessageRole.User, text), options, cancellationToken);

    /// <summary>Asks something.</summary>
    /// <param name="question">A message of the user.</param>
    /// <param name="options">
    /// How the answer is generated; its most tokens (a quarter of the context where it does not say) are kept free for it, up to half
    /// of the context. The format's stop tokens and strings are added.
    /// </param>
    /// <param name="cancellationToken">Ends the enumeration with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The answer's pieces as they come; the last one carries the turn.</returns>
    /// <exception cref="InvalidOperationException">Another turn is running.</exception>
    /// <exception cref="ArgumentException">An option out of its range, or a message that is not the user's.</exception>
    /// <exception cref="ChatException">The format cannot express the message.</exception>
    /// <exception cref="ContextOverflowException">The message does not fit into the context, even without those before it.</exception>
    /// <exception cref="SamplingException">The model's logits are not numbers.</exception>
    public IAsyncEnumerable<ChatPiece> SendAsync(
        Message question, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        if (question.Role != MessageRole.User)
        {
            throw new ArgumentException($"expected a message of the user, found one of {question.Role}", nameof(question));
        }

        return RunAsync(question, options ?? new GenerationOptions(), cancellationToken);
    }

    private async IAsyncEnumerable<ChatPiece> RunAsync(
        Message question, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _running, 1) != 0)
        {
            throw new InvalidOperationException("another turn of this conversation is running");
        }

        try
        {
            options = options with
            {
                StopStrings = [.. options.StopStrings.IsDefault ? [] : options.StopStrings, .. _format.StopStrings],
                StandsAlone = _format.AnswersStandAlone,
            };
            var (prompt, firstSeen) = Fit(question, options.MaxTokens);
            var pieces = PrefixReuse.GenerateAsync(_generator, _session, prompt, [], options, cancellationToken);
            await foreach (var piece in pieces.ConfigureAwait(false))
            {
                ChatTurn? turn = null;
                if (piece.Result is { } result)
                {
                    turn = new ChatTurn(question, Answer(result), result, [.. _messages[DroppedMessages..firstSeen]]);
                    DroppedMessages = firstSeen;
                    _messages.AddRange([question, turn.Answer]);
                }

                yield return new ChatPiece(piece.Text, turn);
            }
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    /// <summary>The answer as it stands in the conversation from now on.</summary>
    internal static Message Answer(GenerationResult result)
    {
        ImmutableArray<int> ids = result.StopReason switch
        {
            StopReason.StopToken => result.Ids[..^1],

            // the ids say more than the text
            StopReason.StopString => [],
            _ => result.Ids,
        };
        return new Message(MessageRole.Assistant, result.Text) { Ids = ids };
    }

    private (int[] Prompt, int FirstSeen) Fit(Message question, int? maxTokens)
    {
        int context = _session.ContextLength;
        int room = context - Math.Min(maxTokens ?? (context / 4), context / 2);
        int first = DroppedMessages;
        int[] prompt = Encode(first, question);
        if (prompt.Length <= room)
        {
            return (prompt, first);
        }

        // Behind a gap everything has to be computed anew. So that this does not come with each turn, more goes than must.
        while (prompt.Length > room / 4 * 3 && first < _messages.Count)
        {
            first += 2;
            prompt = Encode(first, question);
        }

        return prompt.Length <= context ? (prompt, first) : throw new ContextOverflowException(position: 0, prompt.Length, context);
    }

    private int[] Encode(int first, Message question) => _format.Encode(
        [.. SystemPrompt is null ? Array.Empty<Message>() : [new Message(MessageRole.System, SystemPrompt)], .. _messages[first..], question]);

    private void CheckIdle()
    {
        if (Volatile.Read(ref _running) != 0)
        {
            throw new InvalidOperationException("a turn of this conversation is running");
        }
    }
}
