using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

public sealed class CheckpointSummaryTests
{
    // parameter counts as published with the models
    [TestCase("llama-3-8b", 8_030_261_248, 8_030_261_248)]
    [TestCase("llama-3.1-8b", 8_030_261_248, 8_030_261_248)]
    [TestCase("llama-3.2-1b", 1_498_482_688, 1_235_814_400)]
    [TestCase("llama-3.2-3b", 3_606_752_256, 3_212_749_824)]
    [TestCase("llama-2-7b", 6_738_415_616, 6_738_415_616)]
    [TestCase("llama-2-70b", 68_976_648_192, 68_976_648_192)]
    public void A_preset_has_the_parameters_of_the_published_model(string preset, long parameters, long unique)
    {
        var summary = CheckpointSummary.Of(SyntheticPresets.Get(preset), TensorType.BFloat16);
        Assert.That(summary.Parameters, Is.EqualTo(parameters));
        Assert.That(summary.UniqueParameters, Is.EqualTo(unique));
        Assert.That(summary.TotalBytes, Is.EqualTo(unique * 2));
    }

    [Test]
    public void Parts_add_up()
    {
        var summary = CheckpointSummary.Of(SyntheticPresets.Get("llama-3-8b"), TensorType.Float32);
        Assert.That(summary.Embedding, Is.EqualTo(128256L * 4096));
        Assert.That(summary.Attention, Is.EqualTo(32L * (2 * 4096 * 4096 + 2 * 1024 * 4096)));
        Assert.That(summary.Mlp, Is.EqualTo(32L * 3 * 14336 * 4096));
        Assert.That(summary.Norms, Is.EqualTo(65L * 4096));
        Assert.That(summary.Head, Is.EqualTo(128256L * 4096));
        Assert.That(summary.HeadIsTied, Is.False);
    }

    [TestCase(8, 41_943_040)]
    [TestCase(32, 67_108_864)]
    public void Attention_of_a_layer_is_smaller_with_grouped_heads(int keyValueHeads, long expected)
    {
        var layer = SyntheticPresets.Get("llama-3-8b") with { LayerCount = 1, KeyValueHeadCount = keyValueHeads };
        Assert.That(CheckpointSummary.Of(layer, TensorType.BFloat16).Attention, Is.EqualTo(expected));
    }

    // 2 for keys and values, times layers, KV heads, head dim and bytes
    [TestCase("llama-3-8b", TensorType.BFloat16, 2 * 32 * 8 * 128 * 2)]
    [TestCase("llama-2-7b", TensorType.Float16, 2 * 32 * 32 * 128 * 2)]
    [TestCase("llama-3.2-1b", TensorType.Float32, 2 * 16 * 8 * 64 * 4)]
    public void A_token_takes_its_keys_and_values_in_every_layer(string preset, TensorType type, long expected) =>
        Assert.That(CheckpointSummary.KeyValueBytesPerToken(SyntheticPresets.Get(preset), type), Is.EqualTo(expected));

    [Test]
    public void An_opened_checkpoint_tells_its_bytes_by_type_without_what_is_ignored()
    {
        using var builder = new CheckpointBuilder(CheckpointBuilder.SmallModel with { TieWordEmbeddings = true });
        builder.Change(TensorNames.FinalNorm, tensor => CheckpointBuilder.Tensor(tensor.Name, tensor.Shape, new Random(1), "F32"));
        builder.Tensors.Add(CheckpointBuilder.Tensor(TensorNames.OutputHead, [11, 8], new Random(1), "F16"));
        using var checkpoint = Checkpoint.Open(builder.WriteSingle().Path);
        var summary = CheckpointSummary.Of(checkpoint);

        // embedding 88; a layer: attention 8*8 + 2*4*8 + 8*8, MLP 3*12*8, norms 2*8; final norm 8
        Assert.That(summary.UniqueParameters, Is.EqualTo(88 + 2 * (192 + 288 + 16) + 8));
        Assert.That(summary.Parameters, Is.EqualTo(summary.UniqueParameters + 88));
        Assert.That(summary.BytesByType, Is.EquivalentTo(new Dictionary<TensorType, long>
        {
            [TensorType.Float32] = 8 * 4,
            [TensorType.BFloat16] = (summary.UniqueParameters - 8) * 2,
        }));
    }
}
