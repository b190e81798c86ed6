using Llama.Gpu.Cli;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>The verb <c>bench</c> on the small trained checkpoint and on a synthetic one.</summary>
public sealed class BenchCommandTests
{
    [TestCase("--model")]
    [TestCase("--preset")]
    public async Task Prefill_and_decode_are_a_line_each(string source)
    {
        string value = source == "--model" ? RepositoryFolder.TinyModel : "tiny";
        var run = await Run("bench", source, value, "--device", "simd", "--prompt", "4", "--tokens", "2", "--rounds", "1", "--json");
        Assert.That(run.Code, Is.Zero, run.Error);
        var lines = run.JsonLines();
        Assert.That(lines.Select(line => line.GetProperty("case").GetString()), Is.EqualTo(new[] { "prefill", "decode", "start-up" }));
        foreach (var line in lines.Take(2))
        {
            Assert.That(line.GetProperty("device").GetString(), Is.EqualTo("simd"));
            foreach (string field in new[] { "median_ms", "tokens_per_second", "gb_per_s", "gflop_per_s", "ceiling_per_second", "share" })
            {
                Assert.That(line.GetProperty(field).GetDouble(), Is.Positive, field);
            }
        }

        // one decoded token: its time and its speed say the same
        var decode = lines[1];
        Assert.That(
            decode.GetProperty("tokens_per_second").GetDouble() * decode.GetProperty("median_ms").GetDouble(), Is.EqualTo(1000).Within(1e-6));
        Assert.That(decode.GetProperty("ceiling").GetString(), Is.EqualTo("read"));
        Assert.That(lines[2].GetProperty("kernels_compiled").GetInt32(), Is.GreaterThan(8));
        Assert.That(lines[2].GetProperty("kernel_load_ms").GetDouble(), Is.Positive);
    }

    [Test]
    public async Task Decode_reads_every_weight_once_where_the_embedding_is_the_head()
    {
        long files = new DirectoryInfo(RepositoryFolder.TinyModel).GetFiles("*.safetensors").Sum(file => file.Length);
        var run = await Run("bench", "--model", RepositoryFolder.TinyModel, "--device", "simd", "--prompt", "2", "--tokens", "1", "--rounds", "1", "--json");
        var decode = run.JsonLines()[1];
        double bytes = decode.GetProperty("gb_per_s").GetDouble() * decode.GetProperty("median_ms").GetDouble() * 1e6;

        // a file holds a header beside its weights
        Assert.That(bytes, Is.InRange(files * 0.95, files));
    }

    [TestCase("expected --model or --preset, found neither")]
    [TestCase("expected --model or --preset, found both", "--model", "m", "--preset", "tiny")]
    [TestCase("--preset: expected one of ", "--preset", "huge")]
    [TestCase("--rounds: expected at least 1, found 0", "--preset", "tiny", "--rounds", "0")]
    [TestCase("--prompt and --tokens: expected at most ", "--preset", "tiny", "--device", "simd", "--prompt", "1000000")]
    public async Task What_cannot_be_measured_is_wrong_usage(string message, params string[] line)
    {
        var run = await Run(["bench", .. line]);
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Does.StartWith("usage: " + message));
    }

    private static Task<CommandLineRun> Run(params string[] line) => CommandLineRun.Of(new ModelSource(), line);
}
