using System.Globalization;
using Llama.Gpu.Cli;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>The verbs <c>spectrum</c> and <c>attend</c>, and <c>synth --spectrum</c>.</summary>
public sealed class SpectrumCommandTests
{
    private const string Prompt = "the answer to the ultimate question of life, the universe, and everything is ";

    [Test]
    public async Task Json_and_csv_have_a_line_a_head_with_the_same_numbers()
    {
        var json = (await Spectrum("--layers", "1,3-4", "--heads", "0-3", "--json")).JsonLines();
        Assert.That(json, Has.Length.EqualTo(3 * (4 + 1 + 1 + 4)));
        Assert.That(json[0].EnumerateObject().Select(field => field.Name), Is.EqualTo(new[]
        {
            "layer", "matrix", "head", "singular_values", "top10_ratio", "first_last_ratio", "least10_ratio",
            "effective_rank", "stable_rank", "spectral_entropy", "condition_number",
        }));
        Assert.That(json[0].GetProperty("singular_values").GetArrayLength(), Is.EqualTo(16));
        string[] csv = (await Spectrum("--layers", "1,3-4", "--heads", "0-3", "--csv")).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(csv[0].Split(','), Is.EqualTo(json[0].EnumerateObject().Select(field => field.Name)));
        for (int i = 0; i < json.Length; i++)
        {
            string[] fields = csv[i + 1].Split(',');
            Assert.That(fields[..3], Is.EqualTo(new[] { $"{json[i].GetProperty("layer")}", json[i].GetProperty("matrix").GetString(), $"{json[i].GetProperty("head")}" }));
            Assert.That(
                fields[3].Split(' ').Select(value => double.Parse(value, CultureInfo.InvariantCulture)),
                Is.EqualTo(json[i].GetProperty("singular_values").EnumerateArray().Select(value => value.GetDouble())));
            Assert.That(double.Parse(fields[4], CultureInfo.InvariantCulture), Is.EqualTo(json[i].GetProperty("top10_ratio").GetDouble()));
        }
    }

    [Test]
    public async Task Planted_ranks_come_back_from_the_command_line()
    {
        using var folder = new TemporaryFolder();
        var synth = await CommandLineRun.Of(
            new ModelSource(), "synth", "--preset", "tiny", "--layers", "1", "--type", "f32", "--out", folder["model"], "--spectrum", "q=rank:3,o=flat");
        Assert.That(synth.Code, Is.Zero, synth.Error);
        var run = await CommandLineRun.Of(new ModelSource(), "spectrum", "--model", folder["model"], "--device", "cpu", "--json");
        var ranks = run.JsonLines().ToLookup(line => line.GetProperty("matrix").GetString(), line => line.GetProperty("stable_rank").GetDouble());
        Assert.That(ranks["q"], Is.All.EqualTo(3).Within(1e-5));
        Assert.That(ranks["o"], Is.All.EqualTo(16).Within(1e-5));
        Assert.That(ranks["k"], Is.All.GreaterThan(4).And.All.LessThan(12), "as random as ever");
    }

    [Test]
    public async Task Report_is_written_whole_or_not_at_all()
    {
        using var folder = new TemporaryFolder();
        var run = await Spectrum("--layers", "0", "--matrices", "qk,ov", "--html", folder["report.html"]);
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Contain("effective rank"));
        Assert.That(await File.ReadAllTextAsync(folder["report.html"]), Does.Contain("ov of layer 0, 8 heads").And.EndsWith("</html>\n"));
        await File.WriteAllTextAsync(folder["report.html"], "old");
        Assert.That((await Spectrum("--layers", "9", "--html", folder["report.html"])).Code, Is.EqualTo(1));
        Assert.That(await File.ReadAllTextAsync(folder["report.html"]), Is.EqualTo("old"));
        Assert.That(Directory.EnumerateFiles(folder.Path).Count(), Is.EqualTo(1));
    }

    [TestCase("--layers 5", 1, "layers: expected from 0 to 4, found 5")]
    [TestCase("--layers 3-1", 2, "--layers: expected indices such as 0,2-5")]
    [TestCase("--heads x", 2, "--heads")]
    [TestCase("--matrices q,z", 2, "--matrices: expected matrices among q, k, v, o, qk, ov, found 'z'")]
    [TestCase("--json --csv", 2, "--csv")]
    [TestCase("--vram 1KiB", 1, "spectral analysis")]
    public async Task Wrong_use_is_said(string options, int code, string expected)
    {
        var run = await Spectrum(options.Split(' '));
        Assert.That(run.Code, Is.EqualTo(code));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains(expected));
    }

    [Test]
    public async Task Attend_prints_weights_and_the_lens()
    {
        using var folder = new TemporaryFolder();
        var lines = (await Attend("--layers", "0,4", "--heads", "2", "--html", folder["report.html"], "--json")).JsonLines();
        int tokens = lines[0].GetProperty("ids").GetArrayLength();
        var maps = lines.Where(line => line.TryGetProperty("attention", out _)).ToArray();
        Assert.That(maps.Select(map => map.GetProperty("layer").GetInt32()), Is.EqualTo(new[] { 0, 4 }));
        foreach (var row in maps.SelectMany(map => map.GetProperty("attention").EnumerateArray()))
        {
            Assert.That(row.EnumerateArray().Sum(weight => weight.GetDouble()), Is.EqualTo(1).Within(1e-5));
            Assert.That(row.GetArrayLength(), Is.EqualTo(tokens));
        }

        var lens = lines.Where(line => line.TryGetProperty("lens", out _)).ToArray();
        Assert.That(lens.Select(line => line.GetProperty("layer").GetInt32()), Is.EqualTo(new[] { -1, 0, 1, 2, 3, 4 }));
        var next = (await CommandLineRun.Of(
            new ModelSource(), "logits", "--model", RepositoryFolder.TinyModel, "--device", "cpu", "--top", "5", "--json",
            "--raw-ids", string.Join(',', lines[0].GetProperty("ids").EnumerateArray()))).Json();
        Assert.That(
            lens[^1].GetProperty("lens").EnumerateArray().Select(token => token.GetProperty("id").GetInt32()),
            Is.EqualTo(next.GetProperty("top").GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())));
        Assert.That(lens[^1].GetProperty("lens")[0].GetProperty("text").GetString(), Is.EqualTo("42"));
        Assert.That(await File.ReadAllTextAsync(folder["report.html"]), Does.Contain("Layer 4, head 2").And.Contain("␣universe").And.Contain("Logit lens"));
    }

    [Test]
    public async Task Attend_says_what_steps_compute_and_where_the_last_token_looks()
    {
        var run = await Attend("--layers", "1");
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Contain("softmax(rope(q) k / sqrt(16))").And.Contain("17 x 8 x 16").And.Contain("where the last token looks").And.Contain("42 "));
    }

    [Test]
    public async Task Attend_refuses_what_it_cannot_show()
    {
        Assert.That((await Attend("--top", "0")).Code, Is.EqualTo(2));
        Assert.That((await Attend("--raw-ids", "1")).Error, Does.Contain("both"));
        Assert.That((await Attend("--heads", "8")).Error, Does.Contain("heads: expected from 0 to 7, found 8"));
    }

    [TestCase("3", new[] { 3 })]
    [TestCase("0,2-4", new[] { 0, 2, 3, 4 })]
    public void Lists_of_indices_may_have_ranges(string text, int[] expected) => Assert.That(IndexList.Parse("--layers", text), Is.EqualTo(expected));

    [TestCase("")]
    [TestCase("1,")]
    [TestCase("-1")]
    [TestCase("1-2-3")]
    [TestCase("1-99999999")]
    public void Lists_that_are_none_are_refused(string text) => Assert.That(() => IndexList.Parse("--layers", text), Throws.InstanceOf<FormatException>());

    private static Task<CommandLineRun> Spectrum(params string[] options) =>
        CommandLineRun.Of(new ModelSource(), ["spectrum", "--model", RepositoryFolder.TinyModel, "--device", "cpu", .. options]);

    private static Task<CommandLineRun> Attend(params string[] options) =>
        CommandLineRun.Of(new ModelSource(), ["attend", Prompt, "--model", RepositoryFolder.TinyModel, "--device", "cpu", .. options]);
}
