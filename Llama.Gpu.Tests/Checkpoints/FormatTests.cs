using System.Runtime.InteropServices;
using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>The same weights in every format, as the real PyTorch writes them; made by tools/checkpoint-formats/make_fixtures.py.</summary>
public sealed class FormatTests
{
    private const string Original = "hf-single";

    private static readonly string[] SameTypes = ["hf-shards", "pytorch-bin", "meta-1", "meta-2", "gguf", "gguf-split"];

    [Test]
    public void Every_format_holds_the_same_bytes([ValueSource(nameof(SameTypes))] string format)
    {
        using Checkpoint original = Open(Original);
        using Checkpoint other = Open(format);
        Assert.That(other.Tensors.Keys, Is.EqualTo(original.Tensors.Keys));
        foreach (var (name, tensor) in original.Tensors)
        {
            var found = other.Tensors[name];
            Assert.That(found.Type, Is.EqualTo(tensor.Type), name);
            Assert.That(found.Shape, Is.EqualTo(tensor.Shape), name);
            Assert.That(All(other, found), Is.EqualTo(All(original, tensor)), name);
        }
    }

    [Test]
    public void Every_format_gives_the_same_configuration([ValueSource(nameof(SameTypes))] string format)
    {
        using Checkpoint original = Open(Original);
        using Checkpoint other = Open(format);
        Assert.That(
            other.Config with { EndOfTextIds = [] }, Is.EqualTo(original.Config with { EndOfTextIds = [] }));
        Assert.That(other.Config.EndOfTextIds, Is.EqualTo(original.Config.EndOfTextIds));
    }

    [Test]
    public void Every_format_gives_the_same_logits([ValueSource(nameof(SameTypes))] string format) =>
        Assert.That(LastLogits(format), Is.EqualTo(LastLogits(Original)));

    [Test]
    public void Logits_are_those_of_PyTorch()
    {
        float[] expected = [.. Expected("logits").EnumerateArray().Select(logit => logit.GetSingle())];
        Assert.That(LastLogits(Original).Zip(expected, (f, e) => MathF.Abs(f - e)).Max(), Is.LessThan(1e-4f));
    }

    [Test]
    public void Q8_0_is_widened_to_the_recorded_values()
    {
        using Checkpoint checkpoint = Open("gguf-q8");
        var tensor = checkpoint.Tensors[TensorNames.Layer(1).ValueWeight];
        float[] expected = [.. Expected("quantized").EnumerateArray().Select(value => value.GetSingle())];
        Assert.That(tensor.Type, Is.EqualTo(TensorType.Float32));
        Assert.That(MemoryMarshal.Cast<byte, float>(All(checkpoint, tensor))[..expected.Length].ToArray(), Is.EqualTo(expected));
        Assert.That(checkpoint.Read(tensor, 5, 130).SequenceEqual(All(checkpoint, tensor).AsSpan(5, 130)), Is.True);
    }

    [Test]
    public void Q8_0_gives_about_the_same_logits() =>
        Assert.That(LastLogits("gguf-q8").Zip(LastLogits(Original), (f, e) => MathF.Abs(f - e)).Max(), Is.InRange(1e-5f, 0.2f));

    [Test]
    public void Gguf_file_may_be_named_itself()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(PathOf("gguf"), "model.gguf"));
        Assert.That(checkpoint, Is.TypeOf<GgufCheckpoint>());
        Assert.That(checkpoint.Directory, Is.EqualTo(PathOf("gguf")));
    }

    [Test]
    public void Tokenizer_inside_a_gguf_file_is_that_of_the_model()
    {
        ITokenizer expected = Tokenizer.Open(PathOf("meta-1"));
        ITokenizer found = Tokenizer.Open(PathOf("gguf"));
        foreach (string text in new[] { "", " the small model", "a hat, 3 cats  \u4E2D\u4E2D x", "</s>" })
        {
            Assert.That(found.Encode(text), Is.EqualTo(expected.Encode(text)), text);
        }

        Assert.That(found.EndOfTextIds, Is.EqualTo(expected.EndOfTextIds));
    }

    [Test]
    public void A_tensor_may_be_read_in_any_parts([ValueSource(nameof(SameTypes))] string format)
    {
        using Checkpoint checkpoint = Open(format);
        var random = new Random(5);
        foreach (var tensor in checkpoint.Tensors.Values)
        {
            byte[] whole = All(checkpoint, tensor);
            for (int i = 0; i < 20; i++)
            {
                int start = random.Next(whole.Length);
                int count = random.Next(whole.Length - start + 1);
                Assert.That(checkpoint.Read(tensor, start, count).SequenceEqual(whole.AsSpan(start, count)), Is.True, $"{tensor.Name} {start} {count}");
            }

            Assert.That(() => checkpoint.Read(tensor, 1, whole.Length).Length, Throws.InstanceOf<ArgumentOutOfRangeException>());
        }
    }

    internal static string PathOf(string format) => Path.Combine(RepositoryFolder.Fixtures("Checkpoints"), format);

    internal static Checkpoint Open(string format) => Checkpoint.Open(PathOf(format));

    internal static byte[] All(Checkpoint checkpoint, TensorInfo tensor) => checkpoint.Read(tensor, 0, (int)tensor.ByteLength).ToArray();

    internal static JsonElement Expected(string field)
    {
        using var expected = JsonDocument.Parse(File.ReadAllBytes(PathOf("expected.json")));
        return expected.RootElement.GetProperty(field).Clone();
    }

    internal static float[] LastLogits(string format)
    {
        using Checkpoint checkpoint = Open(format);
        using var model = LlamaModel.Load(checkpoint, TestAccelerators.Sequential);
        int[] tokens = [.. Expected("tokens").EnumerateArray().Select(token => token.GetInt32())];
        using DecoderSession session = model.CreateSession(tokens.Length, new() { CacheType = TensorType.Float32 });
        return session.Forward(tokens).ToArray();
    }
}
