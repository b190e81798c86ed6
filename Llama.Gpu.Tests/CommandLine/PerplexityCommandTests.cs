using Llama.Gpu.Cli;
using Llama.Gpu.Tests.Generation;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>The verb <c>perplexity</c>, and what <c>generate</c> says of probabilities and beams.</summary>
public sealed class PerplexityCommandTests
{
    private const string Fact = "the answer to the ultimate question of life, the universe, and everything is 42";
    private const string Story = "once upon a time there was a fox.";

    [Test]
    public async Task Perplexity_of_a_file_and_of_standard_input_are_the_same()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["text"], Fact);
        string[] options = ["--model", RepositoryFolder.TinyModel, "--device", "cpu"];
        var json = (await CommandLineRun.Of(new ModelSource(), ["perplexity", folder["text"], .. options, "--json"])).Json();
        double perplexity = json.GetProperty("perplexity").GetDouble();

        // it was trained on this; the same words in disorder are far beyond the 1,024 of blind guessing
        Assert.That(perplexity, Is.GreaterThan(1).And.LessThan(2));
        string disorder = string.Join(' ', Fact.Split(' ').Reverse());
        var disordered = await CommandLineRun.With(new ModelSource(), disorder, default, ["perplexity", "-", .. options, "--json"]);
        Assert.That(disordered.Json().GetProperty("perplexity").GetDouble(), Is.GreaterThan(1024));
        int tokens = json.GetProperty("scored_tokens").GetInt32();
        double sum = json.GetProperty("negative_log_likelihood").GetDouble();
        Assert.That(Math.Exp(sum / tokens), Is.EqualTo(perplexity).Within(1e-9));
        Assert.That(json.GetProperty("bits_per_byte").GetDouble(), Is.EqualTo(sum / Math.Log(2) / Fact.Length).Within(1e-9));

        var piped = await CommandLineRun.With(new ModelSource(), Fact, default, ["perplexity", "-", .. options]);
        Assert.That(piped.Out, Is.EqualTo(perplexity.ToString("0.0000", System.Globalization.CultureInfo.InvariantCulture) + "\n"));
    }

    [Test]
    public async Task Wrong_use_is_said()
    {
        using var session = new FakeSession(400, 50, 0);
        var models = new FakeModels(FakeTokenizer.Of("a"), session);
        (string Options, string Expected)[] cases =
            [("--context 2", "--context"), ("--context 51", "--context"), ("--context 10 --stride 9", "--stride"), ("--stride 0", "--stride")];
        foreach (var (options, expected) in cases)
        {
            var run = await CommandLineRun.With(models, "abc", default, ["perplexity", "-", "--model", "m", .. options.Split(' ')]);
            Assert.That(run.Code, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith($"usage: {expected}: "));
        }

        Assert.That((await CommandLineRun.With(models, "", default, "perplexity", "-", "--model", "m")).Code, Is.EqualTo(2));
        Assert.That((await CommandLineRun.Of(models, "perplexity", "/no/such/file", "--model", "m")).Code, Is.EqualTo(1));
    }

    [Test]
    public async Task Beams_are_printed_the_best_first()
    {
        string[] line = ["generate", Story, "--model", RepositoryFolder.TinyModel, "--device", "cpu", "-n", "6", "--beams", "3"];
        var json = (await CommandLineRun.Of(new ModelSource(), [.. line, "--json"])).Json();
        double[] scores = [.. json.GetProperty("beams").EnumerateArray().Select(beam => beam.GetProperty("score").GetDouble())];
        Assert.That(scores, Has.Length.EqualTo(3).And.Ordered.Descending);
        string text = json.GetProperty("text").GetString()!;
        Assert.That(json.GetProperty("beams")[0].GetProperty("text").GetString(), Is.EqualTo(text));
        var plain = await CommandLineRun.Of(new ModelSource(), line);
        Assert.That(plain.Out, Is.EqualTo($"{Story}{text}\n"));
    }

    [TestCase("--temperature", "1")]
    [TestCase("--stop", "x")]
    [TestCase("--log-probs", "1")]
    [TestCase("--length-penalty", "NaN")]
    public async Task Beams_do_not_go_with_everything(string option, string value)
    {
        using var session = new FakeSession(400, 50, 0);
        var run = await CommandLineRun.Of(
            new FakeModels(FakeTokenizer.Of("a"), session), "generate", "a", "--model", "m", "--beams", "2", option, value);
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains(option));
    }

    [Test]
    public async Task Log_probabilities_are_in_the_json()
    {
        var json = (await CommandLineRun.Of(
            new ModelSource(), "generate", Story, "--model", RepositoryFolder.TinyModel, "--device", "cpu", "-n", "2", "--log-probs", "3", "--json")).Json();
        var first = json.GetProperty("log_probabilities")[0];
        Assert.That(first.GetProperty("id").GetInt32(), Is.EqualTo(json.GetProperty("ids")[0].GetInt32()));
        Assert.That(first.GetProperty("top_ids")[0].GetInt32(), Is.EqualTo(first.GetProperty("id").GetInt32()), "greedy");
        Assert.That(first.GetProperty("top_ids").GetArrayLength(), Is.EqualTo(3));
        Assert.That(first.GetProperty("log_probability").GetDouble(), Is.Negative);
    }
}
