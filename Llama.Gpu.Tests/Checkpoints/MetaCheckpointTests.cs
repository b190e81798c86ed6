using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>params.json and what follows from it; shards and what may be wrong with them.</summary>
public sealed class MetaCheckpointTests
{
    [Test]
    public void Rows_of_a_head_go_from_pairs_to_halves() =>
        Assert.That(Enumerable.Range(0, 12).Select(row => RotaryLayout.InterleavedRow(row, 6)), Is.EqualTo(new long[] { 0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11 }));

    // as published with the models
    [TestCase("""{"dim":4096,"multiple_of":256,"n_heads":32,"n_layers":32,"norm_eps":1e-06,"vocab_size":-1}""", 11008, 32, 2048)]
    [TestCase("""{"dim":5120,"multiple_of":256,"n_heads":40,"n_layers":40,"norm_eps":1e-06,"vocab_size":-1}""", 13824, 40, 2048)]
    [TestCase("""{"dim":4096,"multiple_of":256,"n_heads":32,"n_layers":32,"norm_eps":1e-05,"vocab_size":-1}""", 11008, 32, 4096)]
    [TestCase("""{"dim":8192,"multiple_of":4096,"ffn_dim_multiplier":1.3,"n_heads":64,"n_kv_heads":8,"n_layers":80,"norm_eps":1e-05,"vocab_size":-1}""", 28672, 8, 4096)]
    public void Llama_1_and_2_have_their_published_sizes(string json, int intermediate, int keyValueHeads, int positions)
    {
        var config = Parse(json, vocabulary: 32000);
        Assert.That(config.VocabularySize, Is.EqualTo(32000));
        Assert.That(config.IntermediateSize, Is.EqualTo(intermediate));
        Assert.That(config.KeyValueHeadCount, Is.EqualTo(keyValueHeads));
        Assert.That(config.HeadDim, Is.EqualTo(128));
        Assert.That(config.MaxPositions, Is.EqualTo(positions));
        Assert.That(config.RopeTheta, Is.EqualTo(10000));
        Assert.That(config.RopeScaling, Is.Null);
        Assert.That(config.BeginOfTextId, Is.EqualTo(1));
        Assert.That(config.EndOfTextIds, Is.EqualTo(new[] { 2 }));
    }

    [TestCase("llama-3-8b", """{"dim":4096,"n_layers":32,"n_heads":32,"n_kv_heads":8,"vocab_size":128256,"multiple_of":1024,"ffn_dim_multiplier":1.3,"norm_eps":1e-05,"rope_theta":500000.0}""")]
    [TestCase("llama-3.1-8b", """{"dim":4096,"n_layers":32,"n_heads":32,"n_kv_heads":8,"vocab_size":128256,"ffn_dim_multiplier":1.3,"multiple_of":1024,"norm_eps":1e-05,"rope_theta":500000.0,"use_scaled_rope":true}""")]
    [TestCase("llama-3.2-1b", """{"dim":2048,"n_layers":16,"n_heads":32,"n_kv_heads":8,"vocab_size":128256,"ffn_dim_multiplier":1.5,"multiple_of":256,"norm_eps":1e-05,"rope_theta":500000.0,"use_scaled_rope":true}""")]
    [TestCase("llama-3.2-3b", """{"dim":3072,"n_layers":28,"n_heads":24,"n_kv_heads":8,"vocab_size":128256,"ffn_dim_multiplier":1.0,"multiple_of":256,"norm_eps":1e-05,"rope_theta":500000.0,"use_scaled_rope":true}""")]
    public void Llama_3_has_the_configuration_that_Hugging_Face_publishes(string preset, string json)
    {
        var expected = SyntheticPresets.Get(preset);
        var found = Parse(json, vocabulary: -1, tied: expected.TieWordEmbeddings);
        Assert.That(found.EndOfTextIds, Is.EqualTo(new[] { 128001, 128008, 128009 }));
        Assert.That(found with { EndOfTextIds = expected.EndOfTextIds, DeclaredType = expected.DeclaredType }, Is.EqualTo(expected));
    }

    [TestCase("dim", "0", "a whole number from 1")]
    [TestCase("n_heads", "6", "divides dim (32)")]
    [TestCase("n_kv_heads", "3", "a divisor of n_heads (4)")]
    [TestCase("multiple_of", "0", "a whole number from 1")]
    [TestCase("ffn_dim_multiplier", "-1", "a number above 0")]
    [TestCase("norm_eps", "0", "a number above")]
    [TestCase("use_scaled_rope", "1", "true or false")]
    [TestCase("quantization_args", "{}", "quantized checkpoints are not supported")]
    public void A_field_out_of_range_is_named(string field, string value, string part)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(FormatTests.PathOf("meta-1"), "params.json")))!;
        json[field] = JsonNode.Parse(value);
        CheckpointErrors.Expect(() => Parse(json.ToJsonString(), vocabulary: 48), "params.json", field, part);
    }

    [Test]
    public void An_embedding_may_be_divided_by_rows()
    {
        using var builder = Shards(rows: true);
        using var checkpoint = Checkpoint.Open(builder.Path);
        Assert.That(checkpoint.Config.VocabularySize, Is.EqualTo(10));
        var embedding = checkpoint.Tensors[TensorNames.Embedding];
        Assert.That(FormatTests.All(checkpoint, embedding), Is.EqualTo(builder.Tensors.Single(tensor => tensor.Name == TensorNames.Embedding).Data));
        Assert.That(checkpoint.Config.TieWordEmbeddings, Is.True);
    }

    [Test]
    public void A_shard_that_is_missing_is_named()
    {
        using var builder = Shards(rows: true);
        File.Move(builder.PathOf("consolidated.01.pth"), builder.PathOf("consolidated.02.pth"));
        CheckpointErrors.Expect(
            () => Checkpoint.Open(builder.Path), Path.GetFileName(builder.Path), null, "expected consolidated.01.pth, found consolidated.02.pth");
    }

    [Test]
    public void Shards_that_do_not_fit_each_other_are_refused()
    {
        using var builder = Shards(rows: true);
        builder.WriteFile("consolidated.01.pth", PickleBuilder.Archive([CheckpointBuilder.Tensor("norm.weight", [4], new Random(1))]));
        CheckpointErrors.Expect(
            () => Checkpoint.Open(builder.Path), "consolidated.01.pth", "tok_embeddings.weight", "as in consolidated.00.pth, found none");
    }

    [Test]
    public void Shards_without_parameters_are_refused()
    {
        using var builder = Shards(rows: true);
        File.Delete(builder.PathOf("params.json"));
        CheckpointErrors.Expect(() => Checkpoint.Open(builder.Path), "params.json", null, "expected a file, found none");
    }

    [Test]
    public void A_tensor_of_another_shape_is_refused()
    {
        using var builder = Shards(rows: true);
        builder.WriteFile("params.json", """{"dim":4,"n_layers":0,"n_heads":2,"vocab_size":12}""");
        CheckpointErrors.Expect(() => Checkpoint.Open(builder.Path), "params.json", "n_layers", "from 1");
        builder.WriteFile("params.json", """{"dim":4,"n_layers":1,"n_heads":2,"vocab_size":12}""");
        CheckpointErrors.Expect(
            () => Checkpoint.Open(builder.Path), "consolidated.00.pth", TensorNames.Embedding, "expected shape (12, 4) as params.json has it, found (10, 4)");
    }

    // two shards of a model of one layer with a tied head
    private static CheckpointBuilder Shards(bool rows)
    {
        var model = CheckpointBuilder.SmallModel with
        {
            VocabularySize = 10,
            HiddenSize = 4,
            IntermediateSize = 256,
            LayerCount = 1,
            HeadCount = 2,
            KeyValueHeadCount = 2,
            TieWordEmbeddings = true,
        };
        var builder = new CheckpointBuilder(model);
        builder.WriteFile("params.json", """{"dim":4,"n_layers":1,"n_heads":2,"vocab_size":-1,"multiple_of":256}""");
        string[] meta =
        [
            "tok_embeddings.weight", "layers.0.attention.wq.weight", "layers.0.attention.wk.weight", "layers.0.attention.wv.weight",
            "layers.0.attention.wo.weight", "layers.0.feed_forward.w1.weight", "layers.0.feed_forward.w3.weight",
            "layers.0.feed_forward.w2.weight", "layers.0.attention_norm.weight", "layers.0.ffn_norm.weight", "norm.weight",
        ];
        for (int shard = 0; shard < 2; shard++)
        {
            var part = builder.Tensors.Select((tensor, i) => Part(tensor, meta[i], shard, rows)).ToList();
            builder.WriteFile($"consolidated.0{shard}.pth", PickleBuilder.Archive(part));
        }

        return builder;
    }

    private static RawTensor Part(RawTensor tensor, string name, int shard, bool rows)
    {
        if (tensor.Shape.Length == 1)
        {
            return tensor with { Name = name };
        }

        bool byColumns = name.Contains("wo") || name.Contains("w2") || (name.Contains("tok_") && !rows);
        int width = (int)tensor.Shape[1] * 2;
        byte[] data = byColumns
            ? [.. tensor.Data.Where((_, i) => i % width / (width / 2) == shard)]
            : tensor.Data[(shard * tensor.Data.Length / 2)..((shard + 1) * tensor.Data.Length / 2)];
        long[] shape = byColumns ? [tensor.Shape[0], tensor.Shape[1] / 2] : [tensor.Shape[0] / 2, tensor.Shape[1]];
        return tensor with { Name = name, Shape = shape, Data = data };
    }

    private static LlamaConfig Parse(string json, int vocabulary, bool tied = false) =>
        MetaParams.Parse(Encoding.UTF8.GetBytes(json), "params.json", _ => vocabulary, tied);
}
