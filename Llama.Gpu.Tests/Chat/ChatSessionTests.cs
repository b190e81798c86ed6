using Llama.Gpu.Chat;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Generation;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Chat;

/// <summary>What a conversation remembers, computes and drops, on a session that says what it is told to.</summary>
public sealed class ChatSessionTests
{
    private const int First = FakeTokenizer.FirstToken;
    private static readonly FakeTokenizer Tokenizer = FakeTokenizer.Of("yes", " no");

    private readonly List<int> _computed = [];

    [SetUp]
    public void Forget() => _computed.Clear();

    [Test]
    public async Task Each_turn_computes_only_its_new_tokens()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        var first = await Send(chat, "abc");
        Assert.That(first.Answer.Text, Is.EqualTo("yes no"));
        Assert.That(first.Answer.Ids, Is.EqualTo(new[] { First, First + 1 }));
        Assert.That(first.Generation.ReusedTokens, Is.Zero);

        // begin of text and abc; then two tokens, one by one
        Assert.That(_computed, Is.EqualTo(new[] { 4, 1, 1 }));

        _computed.Clear();
        var second = await Send(chat, "de");
        Assert.That(second.Generation.PromptIds, Is.EqualTo(new[] { 0, 'a' + 2, 'b' + 2, 'c' + 2, First, First + 1, 'd' + 2, 'e' + 2 }));
        Assert.That(second.Generation.ReusedTokens, Is.EqualTo(6));
        Assert.That(_computed, Is.EqualTo(new[] { 2, 1, 1 }));
        Assert.That(chat.Messages.Select(message => message.Text), Is.EqualTo(new[] { "abc", "yes no", "de", "yes no" }));
    }

    [Test]
    public async Task Answer_cut_short_is_computed_on_from_its_last_token()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        var turn = await Send(chat, "abc", new GenerationOptions { MaxTokens = 1 });
        Assert.That(turn.Answer.Ids, Is.EqualTo(new[] { First }));
        _computed.Clear();

        // the last token has been said but not computed
        Assert.That((await Send(chat, "d")).Generation.ReusedTokens, Is.EqualTo(4));
        Assert.That(_computed[0], Is.EqualTo(2));
    }

    [Test]
    public async Task Answer_ended_by_a_stop_string_is_encoded_anew()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        var turn = await Send(chat, "abc", new GenerationOptions { StopStrings = ["s n"] });
        Assert.That(turn.Answer.Text, Is.EqualTo("ye"));
        Assert.That(turn.Answer.Ids, Is.Empty);
        var next = await Send(chat, "d");
        Assert.That(next.Generation.PromptIds, Is.EqualTo(new[] { 0, 'a' + 2, 'b' + 2, 'c' + 2, 'y' + 2, 'e' + 2, 'd' + 2 }));
        Assert.That(next.Generation.ReusedTokens, Is.EqualTo(4));
    }

    [Test]
    public async Task System_prompt_stands_first_and_a_change_computes_anew()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer)) { SystemPrompt = "S" };
        Assert.That((await Send(chat, "a")).Generation.PromptIds, Is.EqualTo(new[] { 0, 'S' + 2, 'a' + 2 }));
        chat.SystemPrompt = "T";
        Assert.That((await Send(chat, "b")).Generation.ReusedTokens, Is.EqualTo(1));
    }

    [Test]
    public async Task Full_context_drops_the_oldest_and_says_so()
    {
        using var session = Answering(contextLength: 40);
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer)) { SystemPrompt = "S" };
        var options = new GenerationOptions { MaxTokens = 8 };
        var dropped = new List<Message>();
        for (int i = 0; i < 8; i++)
        {
            var turn = await Send(chat, $"question {i}", options);
            Assert.That(turn.Generation.PromptIds[1], Is.EqualTo('S' + 2));
            Assert.That(turn.Generation.PromptIds.Length + 8, Is.LessThanOrEqualTo(40));
            dropped.AddRange(turn.Dropped);
            Assert.That(dropped, Is.EqualTo(chat.Messages.Take(chat.DroppedMessages)), "each is said once, in order");
            int[] seen = [0, 'S' + 2, .. chat.Messages.Skip(chat.DroppedMessages).SkipLast(1).SelectMany(
                message => message.Ids.IsEmpty ? Tokenizer.Encode(message.Text, addBeginOfText: false) : [.. message.Ids])];
            Assert.That(turn.Generation.PromptIds, Is.EqualTo(seen));
        }

        Assert.That(chat.Messages, Has.Count.EqualTo(16));
        Assert.That(chat.DroppedMessages, Is.Positive.And.LessThan(16));
    }

    [Test]
    public async Task Message_too_long_for_the_context_is_refused_and_not_remembered()
    {
        using var session = Answering(contextLength: 20);
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        await Send(chat, "abc");
        Assert.That(async () => await Send(chat, new string('x', 30)), Throws.TypeOf<ContextOverflowException>());
        Assert.That(chat.Messages, Has.Count.EqualTo(2));
        Assert.That(chat.DroppedMessages, Is.Zero);
        Assert.That((await Send(chat, "d")).Generation.ReusedTokens, Is.EqualTo(6));
    }

    [Test]
    public async Task Undo_and_clear_forget_and_keep_what_the_cache_still_has()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        Assert.That(chat.Undo(), Is.Null);
        await Send(chat, "abc");
        await Send(chat, "de");
        Assert.That(chat.Undo()!.Text, Is.EqualTo("de"));
        Assert.That(chat.Messages, Has.Count.EqualTo(2));
        Assert.That((await Send(chat, "df")).Generation.ReusedTokens, Is.EqualTo(7));
        chat.Clear();
        Assert.That(chat.Messages, Is.Empty);
        Assert.That((await Send(chat, "ax")).Generation.PromptIds, Is.EqualTo(new[] { 0, 'a' + 2, 'x' + 2 }));
    }

    [Test]
    public async Task Cancelled_turn_leaves_no_message_and_a_usable_conversation()
    {
        using var cancel = new CancellationTokenSource();
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        Assert.That(
            async () =>
            {
                await foreach (var piece in chat.SendAsync("abc", null, cancel.Token))
                {
                    await cancel.CancelAsync();
                }
            },
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(chat.Messages, Is.Empty);
        Assert.That((await Send(chat, "abd")).Generation.ReusedTokens, Is.EqualTo(3));
    }

    [Test]
    public async Task Second_turn_at_once_is_refused()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        await foreach (var piece in chat.SendAsync("abc"))
        {
            Assert.That(async () => await Send(chat, "d"), Throws.InvalidOperationException);
            Assert.That(chat.Clear, Throws.InvalidOperationException);
            break;
        }

        Assert.That(chat.Messages, Is.Empty, "a turn left in the midst");
        Assert.That((await Send(chat, "d")).Answer.Text, Is.EqualTo("yes no"));
    }

    [Test]
    public void Only_the_user_asks()
    {
        using var session = Answering();
        var chat = new ChatSession(session, new PlainChatFormat(Tokenizer));
        Assert.That(() => chat.SendAsync(new Message(MessageRole.System, "a")), Throws.ArgumentException);
    }

    internal static async Task<ChatTurn> Send(ChatSession chat, string text, GenerationOptions? options = null)
    {
        ChatTurn? turn = null;
        var shown = new System.Text.StringBuilder();
        await foreach (var piece in chat.SendAsync(text, options))
        {
            turn = piece.Turn;
            shown.Append(piece.Text);
        }

        Assert.That(shown.ToString(), Is.EqualTo(turn!.Answer.Text));
        return turn;
    }

    // answers "yes no" to everything
    private FakeSession Answering(int contextLength = 200) => new(Tokenizer.VocabularySize, contextLength, 0)
    {
        Logits = held =>
        {
            var logits = new float[Tokenizer.VocabularySize];
            logits[held[^1] switch { First => First + 1, First + 1 => 1, _ => First }] = 1;
            return logits;
        },
        AfterForward = _computed.Add,
    };
}
