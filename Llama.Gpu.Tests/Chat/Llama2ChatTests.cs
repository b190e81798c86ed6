using System.Text.Json;
using Llama.Gpu.Chat;
using Llama.Gpu.Generation;
using Llama.Gpu.Tests.Generation;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Chat;

/// <summary>Llama 2's chat over SentencePiece: the prompt's ids, and answers as texts of their own.</summary>
public sealed class Llama2ChatTests
{
    private static readonly SentencePieceTokenizer Small =
        SentencePieceTokenizer.Load(Path.Combine(RepositoryFolder.Fixtures("Tokenization"), "small-spm", "tokenizer.model"));

    [Test]
    public void Prompts_have_the_ids_that_Metas_way_gives_with_the_real_tokenizer()
    {
        var format = new Llama2ChatFormat(SentencePieceTokenizer.Load(RealData.PathOf("llama2/tokenizer.model")));
        int cases = 0;
        foreach (string line in File.ReadLines(Path.Combine(RepositoryFolder.Fixtures("Tokenization"), "llama2-chat-cases.jsonl")))
        {
            using var one = JsonDocument.Parse(line);
            Message[] messages = [.. one.RootElement.GetProperty("messages").EnumerateArray().Select(message => new Message(
                Enum.Parse<MessageRole>(message.GetProperty("role").GetString()!, ignoreCase: true), message.GetProperty("text").GetString()!))];
            int[] ids = [.. one.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            Assert.That(format.Encode(messages), Is.EqualTo(ids), line);
            cases++;
        }

        Assert.That(cases, Is.GreaterThan(50));
    }

    [Test]
    public void Each_pair_stands_between_begin_and_end()
    {
        var format = new Llama2ChatFormat(SentencePieceTokenizer.Load(RealData.PathOf("llama2/tokenizer.model")));
        int[] prompt = format.Encode([User("a"), Answer("b"), User("c"), Answer("d"), User("e")]);
        Assert.That(prompt.Where(id => id is 1 or 2), Is.EqualTo(new[] { 1, 2, 1, 2, 1 }));
        Assert.That(format.StopTokens, Is.EqualTo(new[] { 2 }));
    }

    [Test]
    public async Task Answer_does_not_begin_with_the_space_that_SentencePiece_adds()
    {
        // the first answer is generated as it would be encoded, the second with a space of its own before it
        int[] first = Small.Encode("the answer", addBeginOfText: false);
        int[] second = Small.Encode(" the answer", addBeginOfText: false);
        Assert.That(Small.TokenBytes(first[0]).Span[0], Is.EqualTo((byte)' '));
        foreach (var (ids, text) in new[] { (first, "the answer"), (second, " the answer") })
        {
            using var saying = Saying([.. ids, 2]);
            var turn = await ChatSessionTests.Send(new ChatSession(saying, new Llama2ChatFormat(Small)), "what?");
            Assert.That(turn.Answer.Text, Is.EqualTo(text));
            Assert.That(turn.Answer.Ids, Is.EqualTo(ids), "the ids stand as they were generated");
        }
    }

    [Test]
    public async Task Client_shows_answers_without_that_space_whole_and_streamed()
    {
        int[] ids = [.. Small.Encode("the answer", addBeginOfText: false), 2];
        using var client = new LlamaChatClient(
            new SessionPool(() => Saying(ids), 1, Small), new Llama2ChatFormat(Small), new LlamaChatClientOptions());
        Assert.That((await client.GetResponseAsync("what?")).Text, Is.EqualTo("the answer"));
        Assert.That((await client.GetStreamingResponseAsync("who?").ToChatResponseAsync()).Text, Is.EqualTo("the answer"));
    }

    [Test]
    public async Task Completions_keep_it()
    {
        int[] ids = [.. Small.Encode("the answer", addBeginOfText: false), 2];
        using var plain = Saying(ids);
        Assert.That((await ChatSessionTests.Send(new ChatSession(plain, new PlainChatFormat(Small)), "here is")).Answer.Text, Is.EqualTo(" the answer"));
        using var session = Saying(ids);
        Assert.That((await new TextGenerator(session, Small).CompleteAsync("here is")).Text, Is.EqualTo(" the answer"));
    }

    private static Message User(string text) => new(MessageRole.User, text);

    private static Message Answer(string text) => new(MessageRole.Assistant, text);

    // says the ids behind whatever prompt it is given, anew each time it is given more than one
    private static FakeSession Saying(int[] ids)
    {
        int said = 0;
        return new FakeSession(Small.VocabularySize, 400, 0)
        {
            AfterForward = tokens => said = tokens > 1 ? 0 : said + 1,
            Logits = _ =>
            {
                var logits = new float[Small.VocabularySize];
                logits[ids[said]] = 1;
                return logits;
            },
        };
    }
}
