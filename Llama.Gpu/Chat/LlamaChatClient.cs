using System.Runtime.CompilerServices;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Microsoft.Extensions.AI;

namespace Llama.Gpu.Chat;

/// <summary>
/// A model behind the interface of Microsoft.Extensions.AI. A call carries its whole conversation; what a KV cache still holds of
/// it, from an earlier call of the same or of another conversation, is not computed again (<c>CachedInputTokenCount</c> says how
/// much). For use by several threads: conversations take turns, token by token.
/// </summary>
/// <remarks>
/// Mapped are temperature, top-p, top-k, seed, stop sequences, most tokens and instructions; a
/// <see cref="ChatOptions.RawRepresentationFactory"/> may give <see cref="GenerationOptions"/> to start from. Tools, formats of the
/// answer other than text, frequency and presence penalties and stored conversations are refused with a <see cref="ChatException"/>,
/// and so is all content that is not text.
/// </remarks>
public sealed class LlamaChatClient : IChatClient
{
    private const int DefaultContext = 4096;
    private const int RememberedAnswers = 1024;

    private readonly SessionPool _pool;
    private readonly ChatFormat _format;
    private readonly LlamaChatClientOptions _options;
    private readonly LlamaModel? _model;
    private readonly AnswerMemory _answers = new(RememberedAnswers);

    /// <param name="model">The weights; outlives the client. Nothing else may use it at the same time.</param>
    /// <param name="format">How conversations are written as prompts: <see cref="ChatFormats.Choose"/>.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A context longer than the model was made for, or no conversation at a time.</exception>
    public LlamaChatClient(LlamaModel model, ChatFormat format, LlamaChatClientOptions? options = null)
        : this(NewPool(model, format, options ?? new()), format, options ?? new()) => _model = model;

    internal LlamaChatClient(SessionPool pool, ChatFormat format, LlamaChatClientOptions options)
    {
        _pool = pool;
        _format = format;
        _options = options;
    }

    /// <inheritdoc/>
    /// <exception cref="ChatException">A message or an option that the model or its prompt format cannot do.</exception>
    /// <exception cref="ContextOverflowException">The conversation does not fit into the context: it is the caller's to shorten.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (prompt, generation) = Prepare(messages, options);
        var result = await _pool.CompleteAsync(prompt, generation, cancellationToken).ConfigureAwait(false);
        _answers.Add(ChatSession.Answer(result));
        string id = NewId();
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, result.Text) { MessageId = id, RawRepresentation = result })
        {
            ResponseId = id,
            ModelId = _options.ModelId,
            CreatedAt = DateTimeOffset.UtcNow,
            FinishReason = Reason(result),
            Usage = Usage(result),
            RawRepresentation = result,
        };
    }

    /// <inheritdoc/>
    /// <exception cref="ChatException">A message or an option that the model or its prompt format cannot do.</exception>
    /// <exception cref="ContextOverflowException">The conversation does not fit into the context: it is the caller's to shorten.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (prompt, generation) = Prepare(messages, options);
        return StreamAsync(prompt, generation, cancellationToken);
    }

    /// <summary>
    /// Gives this client, its <see cref="ChatClientMetadata"/>, its <see cref="ChatFormat"/> and, if it was made with one, the
    /// <see cref="LlamaModel"/>.
    /// </summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata("llama-gpu", defaultModelId: _options.ModelId)
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(_format) ? _format
            : serviceType.IsInstanceOfType(_model) ? _model
            : null;
    }

    /// <summary>Frees the KV caches; the model stays.</summary>
    public void Dispose() => _pool.Dispose();

    private static SessionPool NewPool(LlamaModel model, ChatFormat format, LlamaChatClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        int context = options.ContextLength ?? Math.Min(model.Config.MaxPositions, DefaultContext);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(context, model.Config.MaxPositions, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1, nameof(options));
        return new SessionPool(
            () => model.CreateSession(context, options.Session),
            options.MaxConversations,
            format.Tokenizer,
            [.. model.Config.EndOfTextIds, .. format.StopTokens]);
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string id = NewId();
        await foreach (var piece in _pool.GenerateAsync(prompt, options, cancellationToken).ConfigureAwait(false))
        {
            if (piece.Text.Length > 0)
            {
                yield return Update(new TextContent(piece.Text));
            }

            if (piece.Result is { } result)
            {
                _answers.Add(ChatSession.Answer(result));
                var last = Update(new UsageContent(Usage(result)));
                last.FinishReason = Reason(result);
                last.RawRepresentation = result;
                yield return last;
            }
        }

        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content])
        {
            ResponseId = id,
            MessageId = id,
            ModelId = _options.ModelId,
            CreatedAt = DateTimeOffset.UtcNow,
        };
    }

    private (int[] Prompt, GenerationOptions Options) Prepare(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var conversation = new List<Message>();
        if (!string.IsNullOrEmpty(options?.Instructions))
        {
            conversation.Add(new Message(MessageRole.System, options.Instructions));
        }

        conversation.AddRange(messages.Select(Read));
        return (_format.Encode(conversation), ChatClientOptions.Map(this, options, _options.Defaults, _format));
    }

    private Message Read(ChatMessage message)
    {
        if (message.Contents.FirstOrDefault(content => content is not TextContent) is { } other)
        {
            throw new ChatException($"message: expected text, found {other.GetType().Name}");
        }

        var role = message.Role == ChatRole.System ? MessageRole.System
            : message.Role == ChatRole.User ? MessageRole.User
            : message.Role == ChatRole.Assistant ? MessageRole.Assistant
            : throw new ChatException($"message: expected one of system, user or assistant, found {message.Role}");
        return new Message(role, message.Text) { Ids = role == MessageRole.Assistant ? _answers.Find(message.Text) : [] };
    }

    private static string NewId() => Guid.NewGuid().ToString("N");

    private static ChatFinishReason Reason(GenerationResult result) =>
        result.StopReason is StopReason.StopToken or StopReason.StopString ? ChatFinishReason.Stop : ChatFinishReason.Length;

    private static UsageDetails Usage(GenerationResult result) => new()
    {
        InputTokenCount = result.PromptIds.Length,
        CachedInputTokenCount = result.ReusedTokens,
        OutputTokenCount = result.Ids.Length,
        TotalTokenCount = result.PromptIds.Length + result.Ids.Length,
    };
}
