using Llama.Gpu.Chat;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Generation;
using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Chat;

/// <summary>The client of Microsoft.Extensions.AI over scripted sessions.</summary>
public sealed class LlamaChatClientTests
{
    private const int First = FakeTokenizer.FirstToken;
    private static readonly FakeTokenizer Tokenizer = FakeTokenizer.Of("yes", " no");

    [Test]
    public async Task Whole_answer_carries_text_reason_and_usage()
    {
        using var client = Client();
        var response = await client.GetResponseAsync("abc");
        Assert.That(response.Text, Is.EqualTo("yes no"));
        Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
        Assert.That(response.ModelId, Is.EqualTo("fake"));
        Assert.That(response.Usage!.InputTokenCount, Is.EqualTo(4));
        Assert.That(response.Usage.CachedInputTokenCount, Is.Zero);
        Assert.That(response.Usage.OutputTokenCount, Is.EqualTo(3));
        Assert.That(response.Usage.TotalTokenCount, Is.EqualTo(7));
        Assert.That(response.RawRepresentation, Is.TypeOf<GenerationResult>());
    }

    [Test]
    public async Task Streamed_answer_says_the_same_piece_by_piece()
    {
        using var client = Client();
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in client.GetStreamingResponseAsync("abc"))
        {
            updates.Add(update);
        }

        Assert.That(updates.Select(update => update.Text), Is.EqualTo(new[] { "yes", " no", "" }));
        var response = updates.ToChatResponse();
        Assert.That(response.Text, Is.EqualTo("yes no"));
        Assert.That(response.Messages, Has.Count.EqualTo(1));
        Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
        Assert.That(response.Usage!.OutputTokenCount, Is.EqualTo(3));
    }

    [Test]
    public async Task Next_call_of_a_conversation_computes_only_what_is_new()
    {
        using var client = Client();
        var history = new List<ChatMessage> { new(ChatRole.System, "S"), new(ChatRole.User, "abc") };
        var first = await client.GetResponseAsync(history);

        // as callers keep it: text alone. Its ids are not those that encoding the text anew would give
        history.Add(new ChatMessage(ChatRole.Assistant, first.Text));
        history.Add(new ChatMessage(ChatRole.User, "d"));
        var second = await client.GetResponseAsync(history);
        Assert.That(second.Usage!.InputTokenCount, Is.EqualTo(8));
        Assert.That(second.Usage.CachedInputTokenCount, Is.EqualTo(7));
    }

    [Test]
    public async Task Options_reach_the_generation()
    {
        using var client = Client();
        var cut = await client.GetResponseAsync("abc", new ChatOptions { MaxOutputTokens = 1 });
        Assert.That(cut.Text, Is.EqualTo("yes"));
        Assert.That(cut.FinishReason, Is.EqualTo(ChatFinishReason.Length));

        var stopped = await client.GetResponseAsync("abc", new ChatOptions { StopSequences = ["s n"] });
        Assert.That(stopped.Text, Is.EqualTo("ye"));
        Assert.That(stopped.FinishReason, Is.EqualTo(ChatFinishReason.Stop));

        var instructed = await client.GetResponseAsync("abc", new ChatOptions { Instructions = "SS" });
        Assert.That(instructed.Usage!.InputTokenCount, Is.EqualTo(6));
    }

    [Test]
    public void Sampling_is_mapped_over_the_defaults()
    {
        using var client = Client();
        var format = new PlainChatFormat(Tokenizer);
        var defaults = new GenerationOptions { MaxTokens = 9, Sampling = new SamplingOptions { Temperature = 0.25, MinP = 0.125, TopK = 3 } };
        var mapped = ChatClientOptions.Map(
            client, new ChatOptions { Temperature = 0.5f, TopP = 0.75f, TopK = 7, Seed = -1, MaxOutputTokens = 4 }, defaults, format);
        Assert.That(mapped.MaxTokens, Is.EqualTo(4));
        Assert.That(
            mapped.Sampling,
            Is.EqualTo(new SamplingOptions { Temperature = 0.5, TopP = 0.75, TopK = 7, MinP = 0.125, Seed = ulong.MaxValue }));
        Assert.That(ChatClientOptions.Map(client, null, defaults, format).Sampling, Is.EqualTo(defaults.Sampling));
        Assert.That(ChatClientOptions.Map(client, new ChatOptions(), defaults, format).MaxTokens, Is.EqualTo(9));
        var raw = new ChatOptions { RawRepresentationFactory = _ => new GenerationOptions { MaxTokens = 2 } };
        Assert.That(ChatClientOptions.Map(client, raw, defaults, format).MaxTokens, Is.EqualTo(2));
    }

    [Test]
    public void What_cannot_be_carried_out_is_refused()
    {
        using var client = Client();
        ChatOptions[] refused =
        [
            new() { Tools = [AIFunctionFactory.Create(() => 1, "one")] }, new() { ResponseFormat = ChatResponseFormat.Json },
            new() { FrequencyPenalty = 1 }, new() { PresencePenalty = 1 }, new() { ConversationId = "7" },
        ];
        foreach (var options in refused)
        {
            Assert.That(async () => await client.GetResponseAsync("a", options), Throws.TypeOf<ChatException>());
        }

        Assert.That(async () => await client.GetResponseAsync("a", new ChatOptions { TopP = 2 }), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(async () => await client.GetResponseAsync([]), Throws.TypeOf<ChatException>());
        Assert.That(
            async () => await client.GetResponseAsync([new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])]),
            Throws.TypeOf<ChatException>().With.Message.Contains("DataContent"));
        Assert.That(
            async () => await client.GetResponseAsync([new ChatMessage(ChatRole.Tool, "a")]), Throws.TypeOf<ChatException>());
        Assert.That(
            async () => await client.GetResponseAsync(new string('x', 300)), Throws.TypeOf<ContextOverflowException>());
    }

    [Test]
    public async Task Conversations_at_once_do_not_disturb_each_other()
    {
        using var client = Client(conversations: 2);
        var answers = await Task.WhenAll(Enumerable.Range(0, 9).Select(async i =>
        {
            var history = new List<ChatMessage>();
            var said = new List<string>();
            for (int turn = 0; turn < 3; turn++)
            {
                history.Add(new ChatMessage(ChatRole.User, $"{i}:{turn}"));
                var response = await client.GetResponseAsync(history);
                history.AddRange(response.Messages);
                said.Add(response.Text);
            }

            return said;
        }));
        Assert.That(answers.SelectMany(said => said), Is.All.EqualTo("yes no").And.Exactly(27).Items);
    }

    [Test]
    public async Task Cancelled_call_frees_its_place()
    {
        using var client = Client(conversations: 1);
        using var cancel = new CancellationTokenSource();
        Assert.That(
            async () =>
            {
                await foreach (var update in client.GetStreamingResponseAsync("abc", null, cancel.Token))
                {
                    await cancel.CancelAsync();
                }
            },
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await client.GetResponseAsync("abc")).Text, Is.EqualTo("yes no"));
    }

    [Test]
    public void Services_are_found_by_type()
    {
        using var client = Client();
        Assert.That(client.GetService(typeof(IChatClient)), Is.SameAs(client));
        Assert.That(client.GetService(typeof(ChatFormat)), Is.TypeOf<PlainChatFormat>());
        Assert.That(((ChatClientMetadata)client.GetService(typeof(ChatClientMetadata))!).DefaultModelId, Is.EqualTo("fake"));
        Assert.That(client.GetService(typeof(LlamaModel)), Is.Null);
        Assert.That(client.GetService(typeof(IChatClient), "key"), Is.Null);
    }

    private static LlamaChatClient Client(int conversations = 4) => new(
        new SessionPool(Answering, conversations, Tokenizer),
        new PlainChatFormat(Tokenizer),
        new LlamaChatClientOptions { ModelId = "fake" });

    // answers "yes no" to everything
    private static FakeSession Answering() => new(Tokenizer.VocabularySize, 200, 0)
    {
        Logits = held =>
        {
            var logits = new float[Tokenizer.VocabularySize];
            logits[held[^1] switch { First => First + 1, First + 1 => 1, _ => First }] = 1;
            return logits;
        },
    };
}
