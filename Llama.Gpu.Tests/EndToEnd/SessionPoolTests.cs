using Llama.Gpu.Chat;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>Several sequences over the weights of models/tiny: the ids of single runs, and shared beginnings computed once.</summary>
public sealed class SessionPoolTests : TinyModelFixture
{
    private static readonly GenerationOptions Short = new() { MaxTokens = 8 };

    [TestCase(1)]
    [TestCase(3)]
    public async Task Batched_and_single_runs_give_the_same_tokens(int sessions)
    {
        string[] prompts = ["once upon a time", "the fox", "once upon a time there was a bear who", "the capital of france is", "the"];
        using var pool = new SessionPool(Session, sessions, TinyTokenizer, TinyModel.Config.EndOfTextIds);
        var together = await pool.CompleteAllAsync(prompts.Select(prompt => (ReadOnlyMemory<int>)TinyTokenizer.Encode(prompt)), Short);
        foreach (var (prompt, result) in prompts.Zip(together))
        {
            using var session = Session();
            var alone = await new TextGenerator(session, TinyTokenizer, TinyModel.Config.EndOfTextIds).CompleteAsync(prompt, Short);
            Assert.That(result.Ids, Is.EqualTo(alone.Ids), prompt);
            Assert.That(result.Text, Is.EqualTo(alone.Text), prompt);
            Assert.That(result.PromptIds, Is.EqualTo(alone.PromptIds), prompt);
        }
    }

    [Test]
    public async Task Shared_beginning_is_computed_once()
    {
        int[] shared = TinyTokenizer.Encode("once upon a time there was a fox and a bear. the fox was kind.");
        int[] first = [.. shared, 65, 66], second = [.. shared, 67];
        using var pool = new SessionPool(Session, 2, TinyTokenizer);
        Assert.That((await pool.CompleteAsync(first, Short)).ReusedTokens, Is.Zero);

        // the first is still at work, so the second gets a session of its own
        await foreach (var piece in pool.GenerateAsync(first, Short))
        {
            var result = await pool.CompleteAsync(second, Short);
            Assert.That(result.ReusedTokens, Is.EqualTo(shared.Length));
            using var session = Session();
            Assert.That(result.Ids, Is.EqualTo((await new TextGenerator(session, TinyTokenizer).CompleteAsync(second, Short)).Ids));
            break;
        }
    }

    [Test]
    public async Task Conversations_come_back_to_their_own_session()
    {
        using var pool = new SessionPool(Session, 2, TinyTokenizer);
        var one = await pool.CompleteAsync(new[] { 1, 2, 3, 4 }, Short);
        var other = await pool.CompleteAsync(new[] { 9, 8, 7, 6 }, Short);
        foreach (var result in new[] { one, other })
        {
            var next = await pool.CompleteAsync(new[] { result.PromptIds, result.Ids, [5] }.SelectMany(part => part).ToArray(), Short);
            Assert.That(next.ReusedTokens, Is.EqualTo(4 + result.Ids.Length - 1));
        }
    }

    [Test]
    public async Task Chat_client_talks_over_the_model()
    {
        using var client = new LlamaChatClient(
            TinyModel, ChatFormats.Choose(RepositoryFolder.TinyModel, TinyTokenizer), new LlamaChatClientOptions { ContextLength = 256 });
        var history = new List<ChatMessage> { new(ChatRole.System, "be kind."), new(ChatRole.User, "who is the fox?") };
        var options = new ChatOptions { MaxOutputTokens = 6, Temperature = 1, Seed = 7, TopK = 5 };
        var first = await client.GetResponseAsync(history, options);
        history.AddRange(first.Messages);
        history.Add(new ChatMessage(ChatRole.User, "and the bear?"));
        var streamed = await client.GetStreamingResponseAsync(history, options).ToChatResponseAsync();
        Assert.That(streamed.Usage!.CachedInputTokenCount, Is.EqualTo(first.Usage!.TotalTokenCount - 1));
        Assert.That((await client.GetResponseAsync(history, options)).Text, Is.EqualTo(streamed.Text), "the same seed");
        Assert.That(client.GetService(typeof(LlamaModel)), Is.SameAs(TinyModel));
    }

    [Test]
    public void Arguments_are_checked()
    {
        using var pool = new SessionPool(Session, 1);
        Assert.That(() => pool.GenerateAsync(ReadOnlyMemory<int>.Empty), Throws.ArgumentException);
        Assert.That(() => new SessionPool(Session, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(
            () => new LlamaChatClient(TinyModel, new PlainChatFormat(TinyTokenizer), new LlamaChatClientOptions { ContextLength = 100_000 }),
            Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    private DecoderSession Session() => TinyModel.CreateSession(128, new() { CacheType = TensorType.Float32 });
}
