using Llama.Gpu.Chat;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>Conversations with the trained checkpoint in models/tiny: what the KV cache keeps gives the ids that computing anew gives.</summary>
public sealed class TinyChatTests : TinyModelFixture
{
    private static readonly string[] Questions =
        ["who was the fox?", " And then the bear came home.", "the answer to the ultimate question of life", "once upon a time"];

    [Test]
    public void Checkpoints_format_is_Llama3s() =>
        Assert.That(ChatFormats.Choose(RepositoryFolder.TinyModel, TinyTokenizer), Is.TypeOf<Llama3ChatFormat>());

    [TestCase("llama3")]
    [TestCase("plain")]
    public async Task Cached_turns_give_the_ids_of_computing_anew(string name)
    {
        var format = ChatFormats.Get(name, TinyTokenizer);
        var options = new GenerationOptions { MaxTokens = 12 };
        using var session = Session();
        var chat = new ChatSession(session, format, TinyModel.Config.EndOfTextIds) { SystemPrompt = "the wolf is kind." };
        ChatTurn? before = null;
        foreach (string question in Questions)
        {
            ChatTurn turn = await Ask(chat, question, options);
            using var fresh = Session();
            var anew = await new TextGenerator(fresh, TinyTokenizer, TinyModel.Config.EndOfTextIds)
                .CompleteAsync(turn.Generation.PromptIds.AsMemory(), options);
            Assert.That(turn.Generation.Ids, Is.EqualTo(anew.Ids));
            if (before is not null)
            {
                // all of the last turn but its last token, which was said and never computed, is kept
                int kept = before.Generation.PromptIds.Length + before.Generation.Ids.Length - 1;
                Assert.That(turn.Generation.ReusedTokens, Is.EqualTo(kept));
            }

            before = turn;
        }
    }

    [Test]
    public void Copied_prefix_gives_the_logits_of_the_original()
    {
        using var source = Session();
        using var target = Session();
        int[] ids = TinyTokenizer.Encode("once upon a time there was a fox");
        float[] expected = source.Forward(ids).ToArray();
        source.Rewind(ids.Length - 1);
        target.Forward(ids.AsSpan(0, 2));
        Assert.That(target.TryCopyPrefix(source, ids.Length - 1));
        Assert.That(target.Position, Is.EqualTo(ids.Length - 1));
        float[] again = source.Forward(ids.AsSpan(ids.Length - 1)).ToArray();
        Assert.That(target.Forward(ids.AsSpan(ids.Length - 1)).ToArray(), Is.EqualTo(again));
        Assert.That(again, Is.EqualTo(expected).Within(1e-3));
    }

    [Test]
    public void Prefix_of_another_kind_is_not_copied_and_positions_are_checked()
    {
        using var source = Session();
        using var target = Session();
        using var narrow = TinyModel.CreateSession(16, new() { CacheType = TensorType.BFloat16 });
        source.Forward([1, 2, 3]);
        Assert.That(narrow.TryCopyPrefix(source, 2), Is.False);
        Assert.That(narrow.Position, Is.Zero);
        Assert.That(() => target.TryCopyPrefix(source, 4), Throws.TypeOf<ArgumentOutOfRangeException>());
        target.Forward([1, 2]);
        Assert.That(() => target.TryCopyPrefix(source, 1), Throws.TypeOf<ArgumentOutOfRangeException>());
        using var other = LlamaModel.Load(TinyCheckpoint, TestAccelerators.Sequential);
        using var foreign = other.CreateSession(16, new() { CacheType = TensorType.Float32 });
        Assert.That(foreign.TryCopyPrefix(source, 2), Is.False);
    }

    private static async Task<ChatTurn> Ask(ChatSession chat, string question, GenerationOptions options)
    {
        ChatTurn? turn = null;
        await foreach (var piece in chat.SendAsync(question, options))
        {
            turn = piece.Turn;
        }

        return turn!;
    }

    private DecoderSession Session() => TinyModel.CreateSession(512, new() { CacheType = TensorType.Float32 });
}
