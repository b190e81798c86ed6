using System.Runtime.InteropServices;
using Llama.Gpu.Cli;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>The program as it is, on checkpoints that it writes and on the small trained one.</summary>
public sealed class CommandLineProgramTests
{
    private const string Ultimate = "the answer to the ultimate question of life, the universe, and everything is ";

    [Test]
    public async Task Help_is_exit_code_0_and_names_the_verbs()
    {
        var run = await Run("--help");
        Assert.That(run.Code, Is.Zero);
        foreach (string verb in new[] { "generate", "chat", "tokenize", "detokenize", "logits", "perplexity", "inspect", "synth", "devices", "kernels", "bench" })
        {
            Assert.That(run.Out, Does.Contain(verb));
            Assert.That((await Run(verb, "--help")).Code, Is.Zero);
        }
    }

    [TestCase("")]
    [TestCase("frobnicate")]
    [TestCase("--frobnicate")]
    public async Task No_verb_is_exit_code_2(string line)
    {
        var run = await Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.StartsWith("usage: expected a verb (generate, tokenize, "));
        Assert.That(run.Error, Does.EndWith(line.Length == 0 ? "found none\n" : $"found '{line}'\n"));
    }

    [Test]
    public async Task Several_mistakes_are_one_line()
    {
        var run = await Run("synth");
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains("--preset").And.All.Contains("--out"));
    }

    [TestCase("generate", "Hi", "--model", "")]
    [TestCase("tokenize", "Hi", "--tokenizer", "")]
    [TestCase("inspect", "--model", "")]
    [TestCase("synth", "--preset", "tiny", "--out", "")]
    [TestCase("logits", "--raw-ids", "1", "--model", "m", "--out", "")]
    public async Task Empty_path_is_wrong_usage(params string[] line)
    {
        var run = await Run(line);
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Is.EqualTo($"usage: {line[^2]}: expected a path, found an empty one\n"));
    }

    [Test]
    public async Task Model_that_is_a_file_is_one_clear_line()
    {
        string file = Path.Combine(RepositoryFolder.TinyModel, "config.json");
        string[][] lines =
        [
            ["generate", "Hi"], ["generate", "--raw-ids", "1"], ["tokenize", "Hi"], ["detokenize", "1"], ["logits", "--raw-ids", "1"],
            ["inspect"],
        ];
        foreach (string[] line in lines)
        {
            var run = await Run([.. line, "--model", file]);
            Assert.That(run.Code, Is.EqualTo(1));
            Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.StartsWith($"error: {file}: ").And.All.EndsWith("found a file"));
        }
    }

    [Test]
    public async Task Tiny_model_answers_the_ultimate_question()
    {
        var run = await Run("generate", "--model", RepositoryFolder.TinyModel, "--device", "cpu", Ultimate);
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.StartWith(Ultimate + "42"));
    }

    [Test]
    public async Task Tiny_models_ids_and_text_say_the_same()
    {
        var text = (await Run("generate", "--model", RepositoryFolder.TinyModel, "-n", "8", "--json", Ultimate)).Json();
        string ids = string.Join(',', text.GetProperty("prompt_ids").EnumerateArray());
        var raw = (await Run("generate", "--model", RepositoryFolder.TinyModel, "-n", "8", "--json", "--raw-ids", ids)).Json();
        Assert.That(raw.GetProperty("ids").GetRawText(), Is.EqualTo(text.GetProperty("ids").GetRawText()));
        Assert.That(raw.GetProperty("text").GetString(), Is.EqualTo(text.GetProperty("text").GetString()));
        Assert.That(text.GetProperty("device").GetString(), Is.Not.EqualTo("auto"));
        Assert.That(text.GetProperty("peak_device_bytes").GetInt64(), Is.GreaterThan(1_000_000));

        string answer = string.Join(',', text.GetProperty("ids").EnumerateArray());
        var decoded = (await Run("detokenize", "--model", RepositoryFolder.TinyModel, "--json", answer)).Json();
        Assert.That(decoded.GetProperty("text").GetString(), Is.EqualTo(text.GetProperty("text").GetString()));
    }

    [Test]
    public async Task Logits_of_a_synthetic_checkpoint_choose_the_greedy_token()
    {
        using var folder = new TemporaryFolder();
        await Run("synth", "--preset", "tiny", "--out", folder["model"]);
        var logits = (await Run("logits", "--model", folder["model"], "--raw-ids", "5,9,2", "--out", folder["logits"], "--json")).Json();
        float[] rows = MemoryMarshal.Cast<byte, float>(await File.ReadAllBytesAsync(folder["logits"])).ToArray();
        Assert.That(rows, Has.Length.EqualTo(3 * 512));
        float[] last = rows[^512..];
        int best = logits.GetProperty("top").GetProperty("ids")[0].GetInt32();
        Assert.That(best, Is.EqualTo(Array.IndexOf(last, last.Max())));
        Assert.That(logits.GetProperty("top").GetProperty("values")[0].GetSingle(), Is.EqualTo(last[best]));

        var generated = await Run("generate", "--model", folder["model"], "--raw-ids", "5,9,2", "-n", "1");
        Assert.That(generated.Out, Is.EqualTo($"{best}\n"));
    }

    [Test]
    public async Task Synthetic_checkpoint_can_be_inspected()
    {
        using var folder = new TemporaryFolder();
        var written = (await Run(
            "synth", "--preset", "tiny", "--out", folder["model"], "--seed", "7", "--layers", "2", "--type", "f32", "--json")).Json();
        var inspected = (await Run("--json", "inspect", "--model", folder["model"])).Json();
        Assert.That(inspected.GetProperty("config").GetProperty("num_hidden_layers").GetInt32(), Is.EqualTo(2));
        Assert.That(inspected.GetProperty("config").GetProperty("rope_type").GetString(), Is.EqualTo("llama3"));
        Assert.That(inspected.GetProperty("parameters").GetInt64(), Is.EqualTo(written.GetProperty("parameters").GetInt64()));
        long bytes = inspected.GetProperty("bytes_by_type").GetProperty("f32").GetInt64();
        Assert.That(bytes, Is.EqualTo(4 * inspected.GetProperty("parameters").GetInt64()));
        var tensors = inspected.GetProperty("tensors").EnumerateArray().ToArray();
        Assert.That(tensors.Sum(tensor => tensor.GetProperty("bytes").GetInt64()), Is.EqualTo(bytes));
        Assert.That(
            tensors.Single(tensor => tensor.GetProperty("name").GetString() == "model.layers.1.self_attn.k_proj.weight")
                .GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32()),
            Is.EqualTo(new[] { 32, 64 }));

        var people = await Run("inspect", "--model", folder["model"]);
        Assert.That(people.Code, Is.Zero);
        Assert.That(people.Out, Does.Contain("model.layers.1.self_attn.k_proj.weight").And.Contain("32 x 64").And.Contain("rope_theta"));
        Assert.That(people.Out, Does.Not.Contain("\u001b"));
    }

    [Test]
    public async Task Synthetic_checkpoint_never_overwrites()
    {
        using var folder = new TemporaryFolder();
        Assert.That((await Run("synth", "--preset", "tiny", "--out", folder["model"])).Code, Is.Zero);
        var again = await Run("synth", "--preset", "tiny", "--out", folder["model"]);
        Assert.That(again.Code, Is.EqualTo(1));
        Assert.That(again.ErrorLines, Has.Length.EqualTo(1).And.All.Contains(folder["model"]));
    }

    [TestCase("--preset huge", "'huge'")]
    [TestCase("--preset tiny --layers 0", "--layers")]
    [TestCase("--preset tiny --layers 4", "from 1 to the preset's 3")]
    [TestCase("--preset tiny --type int4", "'int4'")]
    [TestCase("--preset tiny --seed x", "--seed")]
    [TestCase("--seed 1", "--preset")]
    public async Task Wrong_synth_is_exit_code_2(string options, string expected)
    {
        using var folder = new TemporaryFolder();
        var run = await Run(["synth", "--out", folder["model"], .. options.Split(' ')]);
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain(expected));
        Assert.That(Directory.Exists(folder["model"]), Is.False);
    }

    [Test]
    public async Task Cancelled_synth_is_exit_code_130_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        var run = await CommandLineRun.With(
            new ModelSource(), string.Empty, new CancellationToken(canceled: true), "synth", "--preset", "tiny", "--out", folder["model"]);
        Assert.That(run.Code, Is.EqualTo(130));
        Assert.That(Directory.EnumerateFileSystemEntries(folder.Path), Is.Empty);
    }

    [TestCase("opencl:999")]
    [TestCase("cuda:999")]
    public async Task Device_that_is_not_there_is_one_clear_line(string device)
    {
        var run = await Run("generate", "--model", RepositoryFolder.TinyModel, "--raw-ids", "1,2", "--device", device);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.StartWith($"error: device {device}: ").And.Matches("^[^\n]+\n$"));
    }

    [Test]
    public async Task Model_that_is_not_there_is_one_clear_line()
    {
        using var folder = new TemporaryFolder();
        string model = folder["none"];
        string[][] lines =
        [
            ["generate", "Hi", "--model", model], ["generate", "--raw-ids", "1", "--model", model], ["tokenize", "Hi", "--model", model],
            ["tokenize", "Hi", "--tokenizer", model], ["detokenize", "1", "--model", model], ["logits", "--raw-ids", "1", "--model", model],
            ["inspect", "--model", model],
        ];
        foreach (string[] line in lines)
        {
            var run = await Run(line);
            Assert.That(run.Code, Is.EqualTo(1), string.Join(' ', line));
            Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.StartsWith("error: ").And.All.Contains(model));
            Assert.That(run.Error, Does.Not.Contain("unexpected"));
        }
    }

    [Test]
    public async Task Devices_are_listed_with_memory_and_bandwidth_or_a_reason()
    {
        var devices = (await Run("devices", "--json")).JsonLines();
        Assert.That(
            devices.Select(device => device.GetProperty("device").GetString()), Is.EqualTo(new[] { "cuda", "opencl", "simd", "cpu" }));
        foreach (var device in devices)
        {
            if (device.GetProperty("usable").GetBoolean())
            {
                Assert.That(device.GetProperty("memory_bytes").GetInt64(), Is.Positive);
                Assert.That(device.GetProperty("bandwidth_bytes_per_second").GetDouble(), Is.Positive);
            }
            else
            {
                Assert.That(device.GetProperty("reason").GetString(), Is.Not.Empty);
            }
        }

        Assert.That(devices[^1].GetProperty("usable").GetBoolean(), Is.True);
        Assert.That((await Run("devices")).Out, Does.Contain("GB/s"));
    }

    private static Task<CommandLineRun> Run(params string[] args) => CommandLineRun.Of(new ModelSource(), args);
}
