using System.Collections.Immutable;
using System.Text;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

public sealed class HuggingFaceConfigTests
{
    // as published, without the fields that say nothing about the model
    private const string Llama1 = """
        {"architectures": ["LLaMAForCausalLM"], "bos_token_id": 0, "eos_token_id": 1, "hidden_act": "silu", "hidden_size": 4096,
         "intermediate_size": 11008, "initializer_range": 0.02, "max_sequence_length": 2048, "model_type": "llama",
         "num_attention_heads": 32, "num_hidden_layers": 32, "pad_token_id": -1, "rms_norm_eps": 1e-06, "torch_dtype": "float16",
         "transformers_version": "4.27.0.dev0", "use_cache": true, "vocab_size": 32000}
        """;

    private const string Llama2Large = """
        {"architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 8192,
         "intermediate_size": 28672, "max_position_embeddings": 4096, "model_type": "llama", "num_attention_heads": 64,
         "num_hidden_layers": 80, "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null,
         "tie_word_embeddings": false, "torch_dtype": "float16", "vocab_size": 32000}
        """;

    private const string Llama31Instruct = """
        {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000,
         "eos_token_id": [128001, 128008, 128009], "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
         "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32,
         "num_hidden_layers": 32, "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
         "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                          "original_max_position_embeddings": 8192, "rope_type": "llama3"},
         "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 128256}
        """;

    // in the form of transformers 5
    private const string Llama32 = """
        {"architectures": ["LlamaForCausalLM"], "bos_token_id": 128000, "dtype": "bfloat16", "eos_token_id": 128001, "head_dim": 64,
         "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072,
         "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
         "rope_parameters": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                             "original_max_position_embeddings": 8192, "rope_theta": 500000.0, "rope_type": "llama3"},
         "tie_word_embeddings": true, "vocab_size": 128256}
        """;

    [Test]
    public void Llama_1_is_read_with_the_defaults_of_its_time()
    {
        var config = Parse(Llama1);
        Assert.That(config.KeyValueHeadCount, Is.EqualTo(32));
        Assert.That(config.HeadDim, Is.EqualTo(128));
        Assert.That(config.MaxPositions, Is.EqualTo(2048));
        Assert.That(config.RmsNormEpsilon, Is.EqualTo(1e-6f));
        Assert.That(config.RopeTheta, Is.EqualTo(10000.0));
        Assert.That(config.RopeScaling, Is.Null);
        Assert.That(config.TieWordEmbeddings, Is.False);
        Assert.That(config.BeginOfTextId, Is.EqualTo(0));
        Assert.That(config.EndOfTextIds, Is.EqualTo(ImmutableArray.Create(1)));
        Assert.That(config.DeclaredType, Is.EqualTo(TensorType.Float16));
    }

    [Test]
    public void Llama_2_70b_is_read_with_grouped_heads()
    {
        AssertSame(Parse(Llama2Large), SyntheticPresets.Get("llama-2-70b"));
    }

    [Test]
    public void Llama_3_1_is_read_with_scaled_rope_and_a_list_of_ends()
    {
        AssertSame(
            Parse(Llama31Instruct),
            SyntheticPresets.Get("llama-3.1-8b") with { EndOfTextIds = [128001, 128008, 128009] });
    }

    [Test]
    public void Llama_3_2_is_read_as_transformers_5_writes_it()
    {
        AssertSame(Parse(Llama32), SyntheticPresets.Get("llama-3.2-1b"));
    }

    [TestCaseSource(typeof(SyntheticPresets), nameof(SyntheticPresets.Names))]
    public void Writing_and_reading_gives_the_same_configuration(string preset)
    {
        var config = SyntheticPresets.Get(preset);
        AssertSame(HuggingFaceConfig.Parse(HuggingFaceConfig.Write(config), "config.json"), config);
    }

    [Test]
    public void Writing_and_reading_keeps_what_no_preset_has()
    {
        var config = CheckpointBuilder.SmallModel with
        {
            HeadDim = 6,
            AttentionBias = true,
            MlpBias = true,
            RmsNormEpsilon = 3.1415927e-6f,
            RopeTheta = 123456.789,
            RopeScaling = new LinearRopeScaling(2.5),
            BeginOfTextId = null,
            EndOfTextIds = [],
            DeclaredType = null,
        };
        AssertSame(HuggingFaceConfig.Parse(HuggingFaceConfig.Write(config), "config.json"), config);

        var ends = config with { EndOfTextIds = [7, 3] };
        AssertSame(HuggingFaceConfig.Parse(HuggingFaceConfig.Write(ends), "config.json"), ends);
    }

    [TestCase("""{"type": "linear", "factor": 4}""", 4.0)]
    [TestCase("""{"rope_type": "linear", "type": "linear", "factor": 1.5}""", 1.5)]
    public void Linear_scaling_is_read_in_old_and_new_spelling(string json, double factor)
    {
        Assert.That(Parse(Llama1, "rope_scaling", json).RopeScaling, Is.EqualTo(new LinearRopeScaling(factor)));
    }

    [TestCase("rope_scaling", """{"rope_type": "default"}""", 10000.0)]
    [TestCase("rope_parameters", """{"rope_type": "default", "rope_theta": 20000.0}""", 20000.0)]
    [TestCase("rope_parameters", """{"rope_theta": 30000}""", 30000.0)]
    public void Default_rope_is_no_scaling(string field, string json, double theta)
    {
        var config = Parse(Llama1, field, json);
        Assert.That(config.RopeScaling, Is.Null);
        Assert.That(config.RopeTheta, Is.EqualTo(theta));
    }

    [Test]
    public void Absent_and_null_fields_take_their_defaults()
    {
        var config = Parse("""
            {"model_type": "llama", "hidden_size": 64, "intermediate_size": 100, "num_hidden_layers": 1, "num_attention_heads": 4,
             "num_key_value_heads": null, "head_dim": null, "vocab_size": 10, "bos_token_id": null, "eos_token_id": null}
            """);
        Assert.That(config.KeyValueHeadCount, Is.EqualTo(4));
        Assert.That(config.HeadDim, Is.EqualTo(16));
        Assert.That(config.MaxPositions, Is.EqualTo(2048));
        Assert.That(config.RmsNormEpsilon, Is.EqualTo(1e-6f));
        Assert.That(config.BeginOfTextId, Is.Null);
        Assert.That(config.EndOfTextIds, Is.Empty);
        Assert.That(config.DeclaredType, Is.Null);
    }

    [Test]
    public void Head_dim_may_differ_from_hidden_size_over_heads()
    {
        var config = Parse(Llama1, "head_dim", "64");
        Assert.That(config.HeadDim, Is.EqualTo(64));
        Assert.That(config.QueryWidth, Is.EqualTo(2048));
    }

    [Test]
    public void Swish_is_another_name_of_silu()
    {
        Assert.That(Parse(Llama1.Replace("silu", "swish", StringComparison.Ordinal)).HiddenSize, Is.EqualTo(4096));
    }

    private static LlamaConfig Parse(string json) => HuggingFaceConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json");

    private static LlamaConfig Parse(string json, string field, string value) =>
        Parse(string.Concat(json.AsSpan(0, json.LastIndexOf('}')), $", \"{field}\": {value}}}"));

    // records compare immutable arrays by identity
    private static void AssertSame(LlamaConfig actual, LlamaConfig expected)
    {
        Assert.That(actual.EndOfTextIds, Is.EqualTo(expected.EndOfTextIds));
        Assert.That(actual with { EndOfTextIds = expected.EndOfTextIds }, Is.EqualTo(expected));
    }
}
