using Llama.Gpu.Bench.Comparison;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Bench;

/// <summary>What <c>tools/gpu-check</c> puts beside each other.</summary>
public sealed class RatioTests
{
    private const string Ours = """
        {"case":"ceiling","device":"cuda:0","type":"f32","shape":"stream copy","median_ms":null,"gb_per_s":2700,"problem":null}
        {"case":"MatMul","device":"cuda:0","type":"bf16","shape":"T=8 N=8 K=8","median_ms":4,"gb_per_s":1,"problem":null}
        {"case":"MatMul","device":"cuda:0","type":"bf16","shape":"T=9 N=8 K=8","median_ms":null,"problem":"element 3 of 72: expected 1, found 2"}
        {"case":"start-up","device":"cuda:0","kernels_compiled":3}
        {"case":"decode","type":"bf16","shape":"p=128","median_ms":6,"gb_per_s":2700}

        {"case":"MatMul","device":"cuda:0","type":"bf16","shape":"T=8 N=8 K=8","median_ms":2,"gb_per_s":2,"problem":null}
        """;

    private const string Theirs = """
        {"case":"ceiling","type":"f32","shape":"stream copy","by":"torch","gb_per_s":3000}
        {"case":"MatMul","type":"bf16","shape":"T=8 N=8 K=8","by":"torch","median_ms":1.5}
        {"case":"MatMul","type":"bf16","shape":"T=9 N=8 K=8","by":"torch","median_ms":1.5}
        {"case":"MatMul","type":"f16","shape":"T=8 N=8 K=8","by":"torch","median_ms":1.5}
        {"case":"decode","type":"bf16","shape":"p=128","by":"transformers","problem":"not installed"}
        """;

    [Test]
    public void Each_case_of_a_library_has_a_line_and_decoding_one_more() => Assert.That(
        Ratio.Of([.. Read(Ours), .. Read(Theirs)]).Select(ratio => (ratio.Theirs.Case, ratio.Theirs.By, ratio.Value, ratio.Problem)),
        Is.EqualTo(new (string, string?, double?, string?)[]
        {
            ("ceiling", "torch", 0.9, null),
            ("MatMul", "torch", 0.75, null),
            ("MatMul", "torch", null, "element 3 of 72: expected 1, found 2"),
            ("MatMul", "torch", null, "not measured here"),
            ("decode", "transformers", null, "transformers: not installed"),
            ("decode, weights", "torch's copy", 0.9, null),
        }));

    [Test]
    public void Library_that_was_not_measured_gives_no_line() => Assert.That(Ratio.Of(Read(Ours)), Is.Empty);

    [TestCase("torch: no such file", "expected JSON")]
    [TestCase("[1]", "expected a JSON object, found Array")]
    [TestCase("""{"case":7,"shape":"s"}""", "String")]
    [TestCase("""{"case":"c","shape":"s","median_ms":"fast"}""", "Number")]
    public void Line_that_is_no_result_is_refused_with_file_and_line(string line, string message) => Assert.That(
        () => MeasuredCase.Read("torch.jsonl", ["{}", line]).ToArray(),
        Throws.TypeOf<ComparisonException>().With.Message.StartsWith("torch.jsonl, line 2: ").And.Message.Contains(message));

    private static IEnumerable<MeasuredCase> Read(string text) => MeasuredCase.Read("test", text.Split('\n'));
}
