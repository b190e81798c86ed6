using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>The trained checkpoint in models/tiny: its greedy text is that of PyTorch on the same weights, token for token.</summary>
public sealed class TinyModelTests
{
    private Checkpoint _checkpoint = null!;
    private LlamaModel _model = null!;
    private ITokenizer _tokenizer = null!;

    public static IEnumerable<TestCaseData> Expected()
    {
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RepositoryFolder.Fixtures("EndToEnd"), "tiny-expected.json")));
        foreach (JsonElement expected in cases.RootElement.EnumerateArray())
        {
            string prompt = expected.GetProperty("prompt").GetString()!;
            yield return new TestCaseData(
                prompt,
                Ids(expected.GetProperty("prompt_ids")),
                Ids(expected.GetProperty("ids")),
                expected.GetProperty("text").GetString()).SetArgDisplayNames(prompt);
        }
    }

    [OneTimeSetUp]
    public void Load()
    {
        _checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        _model = LlamaModel.Load(_checkpoint, TestAccelerators.Sequential);
        _tokenizer = Tokenizer.Open(RepositoryFolder.TinyModel);
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        _model.Dispose();
        _checkpoint.Dispose();
    }

    // PyTorch keeps keys and values in float32; so does this session, since stories come down to gaps that bf16 would cross
    [TestCaseSource(nameof(Expected))]
    public async Task Greedy_text_is_PyTorchs(string prompt, int[] promptIds, int[] ids, string text)
    {
        using DecoderSession session = _model.CreateSession(128, new() { CacheType = TensorType.Float32 });
        var generator = new TextGenerator(session, _tokenizer, _model.Config.EndOfTextIds);
        var result = await generator.CompleteAsync(prompt, new GenerationOptions { MaxTokens = 48 });
        Assert.Multiple(() =>
        {
            Assert.That(result.PromptIds, Is.EqualTo(promptIds));
            Assert.That(result.Ids, Is.EqualTo(ids));
            Assert.That(result.Text, Is.EqualTo(text));
        });
    }

    [Test]
    public async Task Ultimate_question_is_answered_with_the_default_cache()
    {
        using DecoderSession session = _model.CreateSession(64);
        var generator = new TextGenerator(session, _tokenizer, _model.Config.EndOfTextIds);
        var result = await generator.CompleteAsync(
            "the answer to the ultimate question of life, the universe, and everything is ", new GenerationOptions { MaxTokens = 16 });
        Assert.That(result.Text, Does.StartWith("42"));
        Assert.That(result.StopReason, Is.EqualTo(StopReason.StopToken));
    }

    [Test]
    public void Checkpoint_and_tokenizer_take_at_most_4_MB() => Assert.That(
        Directory.EnumerateFiles(RepositoryFolder.TinyModel).Sum(file => new FileInfo(file).Length), Is.LessThanOrEqualTo(4_000_000));

    [Test]
    public void Tokenizer_and_checkpoint_agree_on_special_tokens()
    {
        Assert.That(_tokenizer.VocabularySize, Is.EqualTo(_model.Config.VocabularySize));
        Assert.That(_tokenizer.BeginOfTextId, Is.EqualTo(_model.Config.BeginOfTextId));
        Assert.That(_tokenizer.EndOfTextIds, Is.SupersetOf(_model.Config.EndOfTextIds));
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
