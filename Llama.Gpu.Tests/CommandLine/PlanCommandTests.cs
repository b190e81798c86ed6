using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Llama.Gpu.Cli;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>The plan verb.</summary>
public sealed class PlanCommandTests
{
    private static readonly string[] Fixed = ["plan", "--preset", "llama-3-8b", "--device", "cpu", "--link", "25", "--memory", "1000"];

    [Test]
    public async Task Json_says_what_one_GiB_gives_and_what_more_would()
    {
        JsonElement plan = (await Run([.. Fixed, "--vram", "1GiB", "--json"])).Json();
        long streamed = plan.GetProperty("streamed_bytes_per_token").GetInt64();
        Assert.That(plan.GetProperty("planned_bytes").GetInt64(), Is.LessThanOrEqualTo(1L << 30));
        Assert.That(plan.GetProperty("smallest_budget_bytes").GetInt64(), Is.LessThan(1L << 30));
        Assert.That(plan.GetProperty("seconds_per_token").GetDouble(), Is.EqualTo(streamed / 25e9));
        double[] further = [.. plan.GetProperty("further").EnumerateArray().Select(more => more.GetProperty("seconds_per_token").GetDouble())];
        Assert.That(further, Is.Not.Empty.And.Ordered.Descending);
        Assert.That(plan.GetProperty("further")[further.Length - 1].GetProperty("streamed_bytes_per_token").GetInt64(), Is.Zero);
    }

    [Test]
    public async Task Tables_say_the_parts_and_the_speed()
    {
        var run = await Run([.. Fixed, "--vram", "2GiB"]);
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Contain("KV cache of 4096 positions").And.Contain("2.00 GiB").And.Contain("3.00 GiB"));
        Assert.That(run.Error, Does.Contain("link 25.0 GB/s"));
    }

    [Test]
    public async Task Budget_that_is_too_small_is_an_error_that_says_which_is_not()
    {
        var run = await Run([.. Fixed, "--vram", "100MiB"]);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains("expected at least"));
    }

    [TestCase("--device simd")]
    [TestCase("--device simd --link 25 --memory 1000")]
    public async Task Smallest_budget_is_that_of_short_chunks(string device)
    {
        string[] arguments = ["plan", "--preset", "llama-2-70b", .. device.Split(' '), "--json"];
        string message = (await Run([.. arguments, "--vram", "1GiB"])).ErrorLines[0];
        long smallest = long.Parse(Regex.Match(message, "at least ([0-9]+) bytes").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.That((await Run([.. arguments, "--vram", $"{smallest}"])).Code, Is.Zero);
        Assert.That((await Run([.. arguments, "--vram", $"{smallest - 1}"])).Code, Is.EqualTo(1));
    }

    [TestCase("plan")]
    [TestCase("plan --preset nothing")]
    [TestCase("plan --preset tiny --model m")]
    [TestCase("plan --preset tiny --context 0")]
    [TestCase("plan --preset tiny --link 0")]
    public async Task Wrong_usage_is_exit_code_2(string line) => Assert.That((await Run(line.Split(' '))).Code, Is.EqualTo(2));

    private static Task<CommandLineRun> Run(params string[] args) => CommandLineRun.Of(new ModelSource(), args);
}
