using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Each way in which a <c>config.json</c> can be wrong, and that the message says where and what.</summary>
public sealed class MalformedConfigTests
{
    private const string Llama3Scaling =
        """{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}""";

    public static IEnumerable<TestCaseData> WrongFields()
    {
        // name of the case, field, its JSON (null: taken out), subject if not the field, and what the message must have
        yield return Case("Hidden_size_missing", "hidden_size", null, "found none");
        yield return Case("Hidden_size_null", "hidden_size", "null", "found none");
        yield return Case("Hidden_size_zero", "hidden_size", "0", "found 0");
        yield return Case("Hidden_size_negative", "hidden_size", "-8", "found -8");
        yield return Case("Hidden_size_a_string", "hidden_size", "\"8\"", "found \"8\"");
        yield return Case("Hidden_size_a_fraction", "hidden_size", "8.5", "found 8.5");
        yield return Case("Hidden_size_beyond_64_bits", "hidden_size", "99999999999999999999999", "found 99999999999999999999999");
        yield return Case("Intermediate_size_absurd", "intermediate_size", "2147483647", "found 2147483647");
        yield return Case("Layers_zero", "num_hidden_layers", "0", "found 0");
        yield return Case("Layers_absurd", "num_hidden_layers", "1000000000", "found 1000000000");
        yield return Case("Heads_zero", "num_attention_heads", "0", "found 0");
        yield return Case("Heads_a_list", "num_attention_heads", "[4]", "found [4]");
        yield return Case("KV_heads_no_divisor", "num_key_value_heads", "3", "divisor of num_attention_heads (4)", "found 3");
        yield return Case("KV_heads_more_than_heads", "num_key_value_heads", "8", "divisor of num_attention_heads (4)", "found 8");
        yield return Case("KV_heads_zero", "num_key_value_heads", "0", "found 0");
        yield return Case("Head_dim_odd", "head_dim", "3", "even", "found 3");
        yield return Case("Head_dim_absurd", "head_dim", "1000000", "found 1000000");
        yield return Case("Vocabulary_zero", "vocab_size", "0", "found 0");
        yield return Case("Vocabulary_absurd", "vocab_size", "2000000000", "found 2000000000");
        yield return Case("Max_positions_zero", "max_position_embeddings", "0", "found 0");
        yield return Case("Epsilon_negative", "rms_norm_eps", "-1e-5", "found -1e-5");
        yield return Case("Epsilon_zero", "rms_norm_eps", "0", "found 0");
        yield return Case("Epsilon_below_the_smallest_float", "rms_norm_eps", "1e-60", "found 1e-60");
        yield return Case("Epsilon_overflows", "rms_norm_eps", "1e999", "found 1e999");
        yield return Case("Theta_zero", "rope_theta", "0", "found 0");
        yield return Case("Theta_negative", "rope_theta", "-10000", "found -10000");
        yield return Case("Theta_a_string", "rope_theta", "\"10000\"", "found \"10000\"");
        yield return Case("Theta_infinite", "rope_theta", "1e400", "found 1e400");
        yield return Case("Tie_a_number", "tie_word_embeddings", "1", "found 1");
        yield return Case("Attention_bias_a_string", "attention_bias", "\"yes\"", "found \"yes\"");
        yield return Case("MLP_bias_null", "mlp_bias", "null", "found null");
        yield return Case("End_of_text_beyond_the_vocabulary", "eos_token_id", "11", "from 0 to 10", "found 11");
        yield return Case("End_of_text_negative", "eos_token_id", "-1", "found -1");
        yield return Case("End_of_text_list_with_a_string", "eos_token_id", "[2, \"3\"]", "found \"3\"");
        yield return Case("Begin_of_text_a_list", "bos_token_id", "[1]", "found [1]");
        yield return Case("Type_unknown", "torch_dtype", "\"float64\"", "found \"float64\"");
        yield return Case("Type_a_number", "dtype", "16", "found 16");
        yield return Case("Activation_another", "hidden_act", "\"gelu\"", "\"silu\"", "found \"gelu\"");
        yield return Case("Architecture_another", "architectures", "[\"MistralForCausalLM\"]", "LlamaForCausalLM", "MistralForCausalLM");
        yield return Case("Architecture_a_string", "architectures", "\"LlamaForCausalLM\"", "a list");
        yield return Case("Architectures_empty", "architectures", "[]", "found []");
        yield return Case("Model_type_another", "model_type", "\"qwen2\"", "\"llama\"", "found \"qwen2\"");
        yield return Case("Quantized", "quantization_config", "{\"quant_method\": \"gptq\"}", "not supported", "gptq");
        yield return Case("Partial_rotary", "partial_rotary_factor", "0.5", "not supported", "found 0.5");
        yield return Case("Rope_scaling_a_number", "rope_scaling", "2", "an object", "found 2");
        yield return Rope("Rope_type_missing", "{\"factor\": 2}", "rope_type", "found none");
        yield return Rope("Rope_type_dynamic", "{\"rope_type\": \"dynamic\", \"factor\": 2}", "rope_type", "supported", "found \"dynamic\"");
        yield return Rope("Rope_type_yarn", "{\"type\": \"yarn\", \"factor\": 2}", "type", "supported", "found \"yarn\"");
        yield return Rope("Rope_type_longrope", "{\"rope_type\": \"longrope\"}", "rope_type", "supported", "found \"longrope\"");
        yield return Rope("Rope_type_a_number", "{\"rope_type\": 3}", "rope_type", "a string", "found 3");
        yield return Rope("Rope_factor_missing", "{\"rope_type\": \"linear\"}", "factor", "found none");
        yield return Rope("Rope_factor_below_1", "{\"rope_type\": \"linear\", \"factor\": 0.5}", "factor", "found 0.5");
        yield return Rope("Rope_factor_negative", Llama3("\"factor\": 8", "\"factor\": -8"), "factor", "found -8");
        yield return Rope("Rope_low_missing", Llama3("\"low_freq_factor\": 1, ", ""), "low_freq_factor", "found none");
        yield return Rope("Rope_high_not_above_low", Llama3("factor\": 4", "factor\": 1"), "high_freq_factor", "(1)", "found 1");
        yield return Rope("Rope_original_a_fraction", Llama3("8192", "0.5"), "original_max_position_embeddings", "found 0.5");
    }

    [TestCaseSource(nameof(WrongFields))]
    public void A_field_that_does_not_fit_is_named(string field, string? json, string subject, string[] parts)
    {
        using var builder = new CheckpointBuilder();
        builder.ConfigJson.Remove(field);
        if (json is not null)
        {
            builder.ConfigJson[field] = JsonNode.Parse(json);
        }

        ExpectError(builder.ConfigJson.ToJsonString(), subject, parts);
    }

    [Test]
    public void No_architecture_and_no_model_type_is_an_error()
    {
        using var builder = new CheckpointBuilder();
        builder.ConfigJson.Remove("architectures");
        builder.ConfigJson.Remove("model_type");
        ExpectError(builder.ConfigJson.ToJsonString(), "architectures", "found none");
    }

    [Test]
    public void A_hidden_size_that_is_no_multiple_of_heads_is_an_error_without_a_head_dim()
    {
        using var builder = new CheckpointBuilder();
        builder.ConfigJson.Remove("head_dim");
        builder.ConfigJson["hidden_size"] = 9;
        ExpectError(builder.ConfigJson.ToJsonString(), "hidden_size", "multiple of num_attention_heads (4)", "found 9");
    }

    [Test]
    public void Two_places_that_disagree_about_theta_are_an_error()
    {
        using var builder = new CheckpointBuilder();
        builder.ConfigJson["rope_parameters"] = JsonNode.Parse("""{"rope_type": "default", "rope_theta": 500000.0}""");
        ExpectError(builder.ConfigJson.ToJsonString(), "rope_theta", "500000", "10000");
    }

    [Test]
    public void Two_places_that_disagree_about_scaling_are_an_error()
    {
        using var builder = new CheckpointBuilder();
        builder.ConfigJson["rope_scaling"] = JsonNode.Parse(Llama3Scaling);
        builder.ConfigJson["rope_parameters"] = JsonNode.Parse("""{"rope_type": "default"}""");
        ExpectError(builder.ConfigJson.ToJsonString(), "rope_parameters", "rope_scaling");
    }

    [TestCase("", null, "found nothing")]
    [TestCase("{", null, "not valid JSON")]
    [TestCase("[]", null, "expected a JSON object")]
    [TestCase("{} {}", null, "not valid JSON")]
    [TestCase("{\"a\": 1,}", null, "not valid JSON")]
    [TestCase("{\"rms_norm_eps\": NaN}", null, "not valid JSON")]
    [TestCase("{\"rms_norm_eps\": Infinity}", null, "not valid JSON")]
    [TestCase("\uFEFF{}", null, "byte order mark")]
    [TestCase("{\"a\": 1, \"a\": 1}", "a", "twice")]
    [TestCase("{\"a\": 1, \"\\u0061\": 1}", "a", "twice")]
    [TestCase("{\"a\": [{\"b\": {\"c\": 1, \"c\": 2}}]}", "a[0].b.c", "twice")]
    [TestCase("{\"a\": \"\\ud800\"}", "a", "surrogate")]
    [TestCase("{\"\\udc00\": 1}", null, "surrogate")]
    public void What_is_no_strict_JSON_object_is_an_error(string json, string? subject, string part)
    {
        ExpectError(json, subject, part);
    }

    [Test]
    public void Bytes_that_are_no_UTF8_are_an_error()
    {
        CheckpointErrors.Expect(
            () => HuggingFaceConfig.Parse([(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}'], "config.json"),
            "config.json",
            null,
            "not UTF-8");
    }

    [Test]
    public void Deep_nesting_is_an_error_and_no_stack_overflow()
    {
        ExpectError("{\"a\": " + new string('[', 100_000), null, "not valid JSON");
    }

    private static string Llama3(string old, string replacement) => Llama3Scaling.Replace(old, replacement, StringComparison.Ordinal);

    private static TestCaseData Case(string name, string field, string? json, params string[] parts) =>
        new TestCaseData(field, json, field, parts).SetArgDisplayNames(name);

    private static TestCaseData Rope(string name, string json, string subject, params string[] parts) =>
        new TestCaseData("rope_scaling", json, "rope_scaling." + subject, parts).SetArgDisplayNames(name);

    private static void ExpectError(string json, string? subject, params string[] parts) =>
        CheckpointErrors.Expect(() => HuggingFaceConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json"), "config.json", subject, parts);
}
