using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

public sealed class HuggingFaceCheckpointTests
{
    [Test]
    public void A_single_file_opens_with_every_tensor_in_the_models_order()
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        using var checkpoint = Checkpoint.Open(builder.Path);
        Assert.That(checkpoint, Is.TypeOf<HuggingFaceCheckpoint>());
        Assert.That(checkpoint.Directory, Is.EqualTo(builder.Path));
        Assert.That(checkpoint.Config.HeadCount, Is.EqualTo(4));
        Assert.That(checkpoint.Tensors.Keys, Is.EqualTo(TensorNames.Expected(checkpoint.Config).Select(tensor => tensor.Name)));
        AssertHolds(checkpoint, builder.Tensors);
    }

    [TestCase(2)]
    [TestCase(7)]
    public void Shards_hold_the_same_as_a_single_file(int shards)
    {
        using var builder = new CheckpointBuilder().WriteShards(shards);
        using var checkpoint = Checkpoint.Open(builder.Path);
        AssertHolds(checkpoint, builder.Tensors);
        Assert.That(checkpoint.Tensors.Values.Select(tensor => tensor.File).Distinct().Count(), Is.EqualTo(shards));
        Assert.That(checkpoint.Tensors.Keys, Is.EqualTo(TensorNames.Expected(checkpoint.Config).Select(tensor => tensor.Name)));
    }

    [Test]
    public void Each_tensor_may_have_a_type_of_its_own()
    {
        using var builder = new CheckpointBuilder();
        var random = new Random(3);
        string[] types = ["F32", "F16", "BF16"];
        for (int i = 0; i < builder.Tensors.Count; i++)
        {
            builder.Tensors[i] = CheckpointBuilder.Tensor(builder.Tensors[i].Name, builder.Tensors[i].Shape, random, types[i % 3]);
        }

        using var checkpoint = Checkpoint.Open(builder.WriteSingle().Path);
        AssertHolds(checkpoint, builder.Tensors);
        Assert.That(checkpoint.Tensors.Values.Select(tensor => tensor.Type).Distinct().Count(), Is.EqualTo(3));
    }

    [Test]
    public void Biases_are_expected_where_the_config_says_so()
    {
        var model = CheckpointBuilder.SmallModel with { AttentionBias = true, MlpBias = true };
        using var builder = new CheckpointBuilder(model).WriteSingle();
        using var checkpoint = Checkpoint.Open(builder.Path);
        var layer = TensorNames.Layer(1);
        Assert.That(checkpoint.Tensors[layer.QueryBias].Shape, Is.EqualTo(ImmutableArray.Create(8L)));
        Assert.That(checkpoint.Tensors[layer.KeyBias].Shape, Is.EqualTo(ImmutableArray.Create(4L)));
        Assert.That(checkpoint.Tensors[layer.GateBias].Shape, Is.EqualTo(ImmutableArray.Create(12L)));
        Assert.That(checkpoint.Tensors[layer.DownBias].Shape, Is.EqualTo(ImmutableArray.Create(8L)));
        Assert.That(checkpoint.Tensors, Has.Count.EqualTo(3 + 2 * 16));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void With_tied_embeddings_a_stored_head_is_ignored_and_none_is_needed(bool stored)
    {
        using var builder = new CheckpointBuilder(CheckpointBuilder.SmallModel with { TieWordEmbeddings = true });
        if (stored)
        {
            builder.Tensors.Add(CheckpointBuilder.Tensor(TensorNames.OutputHead, [11, 8], new Random(1)));
        }

        using var checkpoint = HuggingFaceCheckpoint.Open(builder.WriteSingle().Path);
        Assert.That(checkpoint.Tensors.ContainsKey(TensorNames.OutputHead), Is.False);
        Assert.That(checkpoint.Tensors.ContainsKey(TensorNames.HeadOf(checkpoint.Config)), Is.True);
        Assert.That(checkpoint.IgnoredTensors, Has.Count.EqualTo(stored ? 1 : 0));
    }

    [TestCase("F32")]
    [TestCase("F16")]
    public void Stored_rotary_frequencies_are_ignored(string type)
    {
        using var builder = new CheckpointBuilder();
        var random = new Random(1);
        builder.Tensors.Add(CheckpointBuilder.Tensor("model.layers.0.self_attn.rotary_emb.inv_freq", [1], random, type));
        builder.Tensors.Add(CheckpointBuilder.Tensor("model.layers.1.self_attn.rotary_emb.inv_freq", [1], random, type));
        using var checkpoint = HuggingFaceCheckpoint.Open(builder.WriteSingle().Path);
        Assert.That(checkpoint.IgnoredTensors, Has.Count.EqualTo(2));
        Assert.That(checkpoint.Tensors.Keys, Has.None.Contains("rotary_emb"));
    }

    [TestCase("[1, 2]", new[] { 2, 1 })]
    [TestCase("5", new[] { 2, 5 })]
    [TestCase("null", new[] { 2 })]
    public void Ends_of_text_in_the_generation_config_are_added(string json, int[] expected)
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        builder.WriteFile("generation_config.json", $$"""{"do_sample": true, "eos_token_id": {{json}}, "temperature": 0.6}""");
        using var checkpoint = Checkpoint.Open(builder.Path);
        Assert.That(checkpoint.Config.EndOfTextIds, Is.EqualTo(expected));
    }

    [Test]
    public void A_single_file_comes_before_an_index()
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        builder.WriteFile(ShardIndex.SafeTensorsName, "not JSON");
        using var checkpoint = Checkpoint.Open(builder.Path);
        AssertHolds(checkpoint, builder.Tensors);
    }

    [Test]
    public void A_part_of_a_tensor_is_read_where_it_lies()
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        using var checkpoint = Checkpoint.Open(builder.Path);
        var raw = builder.Tensors.Single(tensor => tensor.Name == TensorNames.FinalNorm);
        var tensor = checkpoint.Tensors[TensorNames.FinalNorm];
        Assert.That(checkpoint.Read(tensor, 3, 5).ToArray(), Is.EqualTo(raw.Data[3..8]));
        Assert.That(checkpoint.Read(tensor, tensor.ByteLength, 0).Length, Is.Zero);
    }

    [TestCase(-1, 1)]
    [TestCase(0, -1)]
    [TestCase(0, 17)]
    [TestCase(16, 1)]
    [TestCase(17, 0)]
    [TestCase(long.MaxValue, int.MaxValue)]
    public void A_range_beyond_the_tensor_is_refused(long offset, int count)
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        using var checkpoint = Checkpoint.Open(builder.Path);
        var tensor = checkpoint.Tensors[TensorNames.FinalNorm];
        Assert.That(tensor.ByteLength, Is.EqualTo(16));
        Assert.That(() => { checkpoint.Read(tensor, offset, count); }, Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Another_checkpoints_tensor_is_refused()
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        using var other = new CheckpointBuilder().WriteSingle();
        using var checkpoint = Checkpoint.Open(builder.Path);
        using var otherCheckpoint = Checkpoint.Open(other.Path);
        var tensor = otherCheckpoint.Tensors[TensorNames.FinalNorm];
        Assert.That(() => { checkpoint.Read(tensor, 0, 1); }, Throws.TypeOf<ArgumentException>());
    }

    [Test]
    public void Reading_after_disposal_is_refused()
    {
        using var builder = new CheckpointBuilder().WriteSingle();
        var checkpoint = Checkpoint.Open(builder.Path);
        var tensor = checkpoint.Tensors[TensorNames.FinalNorm];
        checkpoint.Dispose();
        checkpoint.Dispose();
        Assert.That(() => { checkpoint.Read(tensor, 0, 1); }, Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void A_file_cut_short_after_opening_is_a_typed_error()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Windows does not let a mapped file be cut");
        }

        using var builder = new CheckpointBuilder().WriteSingle();
        using var checkpoint = Checkpoint.Open(builder.Path);
        var tensor = checkpoint.Tensors[TensorNames.Embedding];
        using (var file = new FileStream(builder.PathOf("model.safetensors"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(16);
        }

        CheckpointErrors.Expect(() => checkpoint.Read(tensor, 0, 2), "model.safetensors", null, "as when it was opened", "found 16");
    }

    [Test]
    public void A_tensor_beyond_2_GiB_is_read_to_its_end()
    {
        // a file of one large hole on disk: 1.2 million tokens of 1024 halves are 2.4 GB
        var model = CheckpointBuilder.SmallModel with { VocabularySize = 1_200_000, HiddenSize = 1024, HeadDim = 2, TieWordEmbeddings = true };
        using var builder = new CheckpointBuilder(CheckpointBuilder.SmallModel);
        builder.WriteFile("config.json", HuggingFaceConfig.Write(model));
        var header = new JsonObject();
        long end = 0;
        foreach (var expected in TensorNames.Expected(model))
        {
            header[expected.Name] = RawTensor.Entry("F16", [.. expected.Shape], end, end + expected.ElementCount * 2);
            end += expected.ElementCount * 2;
        }

        byte[] start = RawTensor.File(header.ToJsonString(), []);
        long embedding = 1_200_000L * 1024 * 2;
        using (var file = new FileStream(builder.PathOf("model.safetensors"), FileMode.Create))
        {
            file.Write(start);
            file.SetLength(start.Length + end);
            file.Position = start.Length + embedding - 2;
            file.Write([0x12, 0x34, 0x56]);
        }

        using var checkpoint = Checkpoint.Open(builder.Path);
        var tensor = checkpoint.Tensors[TensorNames.Embedding];
        Assert.That(tensor.ByteLength, Is.EqualTo(embedding).And.GreaterThan(int.MaxValue));
        Assert.That(checkpoint.Read(tensor, embedding - 3, 3).ToArray(), Is.EqualTo("\0\x12\x34"u8.ToArray()));
        Assert.That(checkpoint.Read(checkpoint.Tensors[TensorNames.Layer(0).QueryWeight], 0, 1)[0], Is.EqualTo(0x56));
    }

    private static void AssertHolds(Checkpoint checkpoint, List<RawTensor> tensors)
    {
        Assert.That(checkpoint.Tensors, Has.Count.EqualTo(tensors.Count));
        foreach (var raw in tensors)
        {
            var tensor = checkpoint.Tensors[raw.Name];
            Assert.That(tensor.Shape, Is.EqualTo(raw.Shape), raw.Name);
            Assert.That(checkpoint.Read(tensor, 0, (int)tensor.ByteLength).ToArray(), Is.EqualTo(raw.Data), raw.Name);
        }
    }
}
