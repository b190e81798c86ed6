using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Folders whose files are sound each, or nearly, and make no checkpoint together.</summary>
public sealed class MalformedCheckpointTests
{
    private const string Weights = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private const string FirstShard = "model-00001-of-00003.safetensors";
    private const string SecondShard = "model-00002-of-00003.safetensors";

    private CheckpointBuilder _builder = null!;

    [SetUp]
    public void NewCheckpoint() => _builder = new CheckpointBuilder();

    [TearDown]
    public void RemoveCheckpoint() => _builder.Dispose();

    [Test]
    public void A_folder_that_is_not_there()
    {
        string missing = _builder.PathOf("missing");
        CheckpointErrors.Expect(() => Checkpoint.Open(missing), "missing", null, "no such folder");
    }

    [Test]
    public void A_file_instead_of_a_folder()
    {
        _builder.WriteSingle();
        CheckpointErrors.Expect(() => Checkpoint.Open(_builder.PathOf(Weights)), Weights, null, "expected a folder", "found a file");
    }

    [Test]
    public void An_empty_folder() => ExpectError(Path.GetFileName(_builder.Path), null, "expected model.safetensors", "found no checkpoint");

    [TestCase("pytorch_model-00001-of-00002.bin", "found pytorch_model-00001-of-00002.bin without an index")]
    [TestCase("model-00001-of-00002.safetensors", "found model-00001-of-00002.safetensors without an index")]
    public void A_folder_with_another_format(string file, string part)
    {
        _builder.WriteConfig().WriteFile(file, "x");
        ExpectError(Path.GetFileName(_builder.Path), null, part);
    }

    [Test]
    public void A_config_without_weights()
    {
        _builder.WriteConfig();
        ExpectError(Path.GetFileName(_builder.Path), null, "found config.json without weights");
    }

    [Test]
    public void Weights_without_a_config()
    {
        _builder.WriteSingle();
        File.Delete(_builder.PathOf("config.json"));
        ExpectError("config.json", null, "expected a file, found none");
    }

    [Test]
    public void A_config_that_is_a_folder()
    {
        _builder.WriteSingle();
        File.Delete(_builder.PathOf("config.json"));
        Directory.CreateDirectory(_builder.PathOf("config.json"));
        ExpectError("config.json", null, "found a folder");
    }

    [Test]
    public void A_config_of_absurd_length()
    {
        _builder.WriteSingle();
        using (var file = File.OpenWrite(_builder.PathOf("config.json")))
        {
            file.SetLength(1L << 40);
        }

        ExpectError("config.json", null, "expected at most", "found 1099511627776");
    }

    [Test]
    public void A_generation_config_with_an_end_beyond_the_vocabulary()
    {
        _builder.WriteSingle().WriteFile("generation_config.json", """{"eos_token_id": [2, 11]}""");
        ExpectError("generation_config.json", "eos_token_id", "from 0 to 10", "found 11");
    }

    [Test]
    public void Weights_of_no_bytes()
    {
        _builder.WriteSingle().WriteFile(Weights, "");
        ExpectError(Weights, null, "a file of 0 bytes");
    }

    [Test]
    public void Weights_cut_short()
    {
        _builder.WriteSingle();
        byte[] whole = File.ReadAllBytes(_builder.PathOf(Weights));
        _builder.WriteFile(Weights, whole[..^1]);
        ExpectError(Weights, TensorNames.OutputHead, "within the file's");
    }

    [Test]
    public void Weights_cut_short_within_the_header()
    {
        _builder.WriteSingle();
        byte[] whole = File.ReadAllBytes(_builder.PathOf(Weights));
        _builder.WriteFile(Weights, whole[..100]);
        ExpectError(Weights, null, "bytes of header", "a file of 100 bytes");
    }

    [Test]
    public void A_web_page_instead_of_weights()
    {
        _builder.WriteSingle().WriteFile(Weights, "<!DOCTYPE html><html><body>Access to this model is restricted</body></html>");
        ExpectError(Weights, null, "at most 100000000 bytes");
    }

    [Test]
    public void A_Git_LFS_pointer_instead_of_weights()
    {
        _builder.WriteSingle().WriteFile(Weights, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
        ExpectError(Weights, null, "at most 100000000 bytes");
    }

    [TestCase("model.embed_tokens.weight", "(11, 8)")]
    [TestCase("model.layers.1.self_attn.k_proj.weight", "(4, 8)")]
    [TestCase("model.layers.0.mlp.down_proj.weight", "(8, 12)")]
    [TestCase("model.norm.weight", "(8)")]
    [TestCase("lm_head.weight", "(11, 8)")]
    public void A_tensor_missing(string name, string shape)
    {
        _builder.Tensors.RemoveAll(tensor => tensor.Name == name);
        _builder.WriteSingle();
        ExpectError(Weights, name, $"of shape {shape}", "found none");
    }

    [Test]
    public void A_layer_more_than_the_weights_have()
    {
        _builder.ConfigJson["num_hidden_layers"] = 3;
        _builder.WriteSingle();
        ExpectError(Weights, "model.layers.2.self_attn.q_proj.weight", "found none");
    }

    [Test]
    public void A_layer_fewer_than_the_weights_have()
    {
        _builder.ConfigJson["num_hidden_layers"] = 1;
        _builder.WriteSingle();
        ExpectError(Weights, "model.layers.1.self_attn.q_proj.weight", "config.json", "(8, 8)");
    }

    [TestCase("model.layers.0.self_attn.q_proj.bias")]
    [TestCase("model.layers.0.self_attn.q_norm.weight")]
    [TestCase("model.layers.00.self_attn.v_proj.weight")]
    [TestCase("model.layers.2.self_attn.rotary_emb.inv_freq")]
    [TestCase("model.layers.-1.self_attn.rotary_emb.inv_freq")]
    [TestCase("lm_head.bias")]
    public void A_tensor_that_the_model_does_not_have(string name)
    {
        _builder.Tensors.Add(CheckpointBuilder.Tensor(name, [8], new Random(1)));
        _builder.WriteSingle();
        ExpectError(Weights, name, "only tensors of the model", "(8)");
    }

    [Test]
    public void A_matrix_of_another_size()
    {
        Reshape(TensorNames.Layer(0).KeyWeight, [8, 8]);
        ExpectError(Weights, TensorNames.Layer(0).KeyWeight, "expected shape (4, 8)", "found (8, 8)");
    }

    [Test]
    public void A_matrix_turned_on_its_side()
    {
        Reshape(TensorNames.Layer(1).GateWeight, [8, 12]);
        ExpectError(Weights, TensorNames.Layer(1).GateWeight, "expected shape (12, 8)", "found (8, 12)");
    }

    [Test]
    public void A_vector_with_a_dimension_too_many()
    {
        Reshape(TensorNames.FinalNorm, [1, 8]);
        ExpectError(Weights, TensorNames.FinalNorm, "expected shape (8)", "found (1, 8)");
    }

    [Test]
    public void A_vocabulary_other_than_the_configs()
    {
        _builder.ConfigJson["vocab_size"] = 12;
        _builder.WriteSingle();
        ExpectError(Weights, TensorNames.Embedding, "expected shape (12, 8)", "found (11, 8)");
    }

    [Test]
    public void A_tensor_of_integers()
    {
        _builder.Change(TensorNames.FinalNorm, tensor => tensor with { Type = "I16" });
        _builder.WriteSingle();
        ExpectError(Weights, TensorNames.FinalNorm, "I16", "not supported");
    }

    [Test]
    public void A_shard_missing()
    {
        _builder.WriteShards(3);
        File.Delete(_builder.PathOf(SecondShard));
        ExpectError(Index, SecondShard, "no such file");
    }

    [Test]
    public void A_shard_cut_short()
    {
        _builder.WriteShards(3).WriteFile(SecondShard, "x");
        ExpectError(SecondShard, null, "a file of 1 bytes");
    }

    [Test]
    public void A_tensor_in_another_shard_than_the_index_says()
    {
        _builder.WriteShards(3, index => index["weight_map"]![TensorNames.Embedding] = SecondShard);
        ExpectError(FirstShard, TensorNames.Embedding, $"expected in {SecondShard}", "found here");
    }

    [Test]
    public void A_tensor_that_the_index_does_not_name()
    {
        _builder.WriteShards(3, index => ((JsonObject)index["weight_map"]!).Remove(TensorNames.Embedding));
        ExpectError(FirstShard, TensorNames.Embedding, "found another");
    }

    [Test]
    public void A_tensor_that_no_shard_has()
    {
        _builder.WriteShards(3, index => index["weight_map"]!["model.layers.9.weight"] = SecondShard);
        ExpectError(Index, "model.layers.9.weight", $"expected in {SecondShard}", "no such tensor");
    }

    [Test]
    public void A_tensor_that_neither_index_nor_shard_has()
    {
        _builder.Tensors.RemoveAll(tensor => tensor.Name == TensorNames.FinalNorm);
        _builder.WriteShards(3);
        ExpectError(Index, TensorNames.FinalNorm, "of shape (8)", "found none");
    }

    [TestCase("../model-00001-of-00003.safetensors")]
    [TestCase("/etc/model.safetensors")]
    [TestCase("sub/model.safetensors")]
    [TestCase("..\\model.safetensors")]
    [TestCase("C:model.safetensors")]
    [TestCase(".safetensors")]
    [TestCase("..")]
    [TestCase("")]
    [TestCase("pytorch_model.bin")]
    [TestCase("a\u0000.safetensors")]
    public void A_shard_name_that_is_no_plain_file_name(string shard)
    {
        _builder.WriteShards(3, index => index["weight_map"]![TensorNames.Embedding] = shard);
        ExpectError(Index, TensorNames.Embedding, "in the same folder");
    }

    [TestCase("{}", "weight_map", "found none")]
    [TestCase("{\"weight_map\": null}", "weight_map", "found null")]
    [TestCase("{\"weight_map\": []}", "weight_map", "found []")]
    [TestCase("{\"weight_map\": {}}", "weight_map", "at least one tensor")]
    [TestCase("{\"weight_map\": {\"a\": 1}}", "a", "found 1")]
    [TestCase("{\"weight_map\": {\"a\": \"1.safetensors\", \"a\": \"2.safetensors\"}}", "weight_map.a", "twice")]
    [TestCase("{\"weight_map\": ", null, "not valid JSON")]
    public void An_index_that_is_malformed(string json, string? subject, string part)
    {
        _builder.WriteShards(3).WriteFile(Index, json);
        ExpectError(Index, subject, part);
    }

    private void Reshape(string name, long[] shape)
    {
        _builder.Change(name, tensor => CheckpointBuilder.Tensor(name, shape, new Random(1)));
        _builder.WriteSingle();
    }

    private void ExpectError(string file, string? subject, params string[] parts) =>
        CheckpointErrors.Expect(() => Checkpoint.Open(_builder.Path).Dispose(), file, subject, parts);
}
