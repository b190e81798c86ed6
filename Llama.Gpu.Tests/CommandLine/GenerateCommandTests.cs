using System.Text.Json;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Generation;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

public sealed class GenerateCommandTests
{
    private const int First = FakeTokenizer.FirstToken;
    private static readonly string[] Generate = ["generate", "Hi", "--model", "somewhere"];

    [Test]
    public async Task Prompt_is_echoed_and_the_text_follows()
    {
        var models = Saying(First, First + 1, 1);
        var run = await CommandLineRun.Of(models, Generate);
        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Out, Is.EqualTo("Hi there \U0001F600\n"));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains("3 prompt tokens").And.All.Contains("3 tokens at"));
        Assert.That(models.Disposed, Is.True);
        Assert.That(models.Device, Is.EqualTo(new DeviceName(DeviceKind.Auto)));
    }

    [Test]
    public async Task Json_has_every_field_and_no_diagnostics()
    {
        var run = await CommandLineRun.Of(Saying(First, First + 1, 1), [.. Generate, "--json"]);
        var json = run.Json();
        Assert.That(run.Error, Is.Empty);
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo(" there \U0001F600"));
        Assert.That(Numbers(json, "ids"), Is.EqualTo(new[] { First, First + 1, 1 }));
        Assert.That(Numbers(json, "prompt_ids"), Is.EqualTo(new[] { 0, 'H' + 2, 'i' + 2 }));
        Assert.That(json.GetProperty("stop_reason").GetString(), Is.EqualTo("stop_token"));
        Assert.That(json.GetProperty("prefill_tokens_per_second").GetDouble(), Is.Positive);
        Assert.That(json.GetProperty("decode_tokens_per_second").GetDouble(), Is.Positive);
        Assert.That(json.GetProperty("peak_device_bytes").GetInt64(), Is.EqualTo(12345));
        Assert.That(json.GetProperty("streamed_bytes_per_token").GetInt64(), Is.Zero);
        Assert.That(json.GetProperty("kernels_compiled").GetInt32(), Is.EqualTo(2));
        Assert.That(json.GetProperty("kernels_from_cache").GetInt32(), Is.EqualTo(9));
        Assert.That(json.GetProperty("kernel_load_ms").GetDouble(), Is.EqualTo(150));
        Assert.That(json.GetProperty("device").GetString(), Is.EqualTo("fake"));
    }

    [Test]
    public async Task Raw_ids_need_no_tokenizer_and_give_ids()
    {
        using var session = new FakeSession(10, 100, 2, 7, 8, 3);
        var run = await CommandLineRun.Of(new FakeModels(null, session), "generate", "--model", "m", "--raw-ids", "1,2");
        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Out, Is.EqualTo("7 8 3\n"));

        session.Rewind(0);
        var json = (await CommandLineRun.Of(new FakeModels(null, session), "generate", "--model", "m", "--raw-ids", "1,2", "--json")).Json();
        Assert.That(json.GetProperty("text").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(Numbers(json, "ids"), Is.EqualTo(new[] { 7, 8, 3 }));
    }

    [Test]
    public async Task Raw_ids_with_a_tokenizer_give_text()
    {
        var run = await CommandLineRun.Of(Saying(First, 1), "generate", "--model", "m", "--raw-ids", $"0,{'O' + 2},{'h' + 2}");
        Assert.That(run.Out, Is.EqualTo("<begin>Oh there\n"));
    }

    [Test]
    public async Task Raw_ids_the_tokenizer_does_not_know_run_too()
    {
        var tokenizer = FakeTokenizer.Of(" there");
        using var session = new FakeSession(400, 100, 1, First, 1);
        var run = await CommandLineRun.Of(new FakeModels(tokenizer, session), "generate", "--model", "m", "--raw-ids", "399");
        Assert.That(run.Out, Is.EqualTo(" there\n"));
    }

    [Test]
    public async Task Options_reach_the_generation()
    {
        var stopped = (await CommandLineRun.Of(Saying(First, First + 1, 1), [.. Generate, "--stop", "xx", "--stop", "re", "--json"])).Json();
        Assert.That(stopped.GetProperty("text").GetString(), Is.EqualTo(" the"));
        Assert.That(stopped.GetProperty("stop_reason").GetString(), Is.EqualTo("stop_string"));

        var cut = (await CommandLineRun.Of(Following(2, First), [.. Generate, "--max-tokens", "1", "--no-bos", "--json"])).Json();
        Assert.That(cut.GetProperty("stop_reason").GetString(), Is.EqualTo("max_tokens"));
        Assert.That(Numbers(cut, "prompt_ids"), Is.EqualTo(new[] { 'H' + 2, 'i' + 2 }));
        Assert.That(cut.GetProperty("decode_tokens_per_second").ValueKind, Is.EqualTo(JsonValueKind.Null));

        var models = Saying(First);
        await CommandLineRun.Of(models, [.. Generate, "--device", "cuda:1", "--context", "40", "--max-tokens", "1"]);
        Assert.That(models.Device, Is.EqualTo(new DeviceName(DeviceKind.Cuda, 1)));
        Assert.That(models.ContextLength, Is.EqualTo(40));
    }

    [TestCase("7", 10)]
    [TestCase("1000", FakeModels.MaxPositions)]
    public async Task Context_is_as_long_as_the_run_can_fill(string maxTokens, int expected)
    {
        var models = Saying(First, 1);
        await CommandLineRun.Of(models, [.. Generate, "--max-tokens", maxTokens]);
        Assert.That(models.ContextLength, Is.EqualTo(expected));
    }

    [Test]
    public async Task Seed_decides_the_draws_and_is_reported()
    {
        static async Task<JsonElement> Draw(params string[] seed)
        {
            using var session = new FakeSession(200, 100, 0) { Logits = _ => new float[200] };
            string[] args = ["generate", "--model", "m", "--raw-ids", "1", "--temperature", "0.9", "--json", .. seed];
            return (await CommandLineRun.Of(new FakeModels(null, session), args)).Json();
        }

        var fresh = await Draw();
        string seed = fresh.GetProperty("seed").GetRawText();
        Assert.That(Numbers(await Draw("--seed", seed), "ids"), Is.EqualTo(Numbers(fresh, "ids")));
        Assert.That(Numbers(await Draw("--seed", "18446744073709551615"), "ids"), Is.Not.EqualTo(Numbers(fresh, "ids")));
    }

    [Test]
    public async Task Sampling_options_without_effect_are_noted()
    {
        var run = await CommandLineRun.Of(Saying(1), [.. Generate, "--top-k", "5"]);
        Assert.That(run.Code, Is.Zero);
        Assert.That(run.ErrorLines[0], Is.EqualTo("note: --top-k has no effect without --temperature above 0"));
        Assert.That((await CommandLineRun.Of(Saying(1), [.. Generate, "--top-k", "5", "--temperature", "1"])).ErrorLines, Has.Length.EqualTo(1));
    }

    [TestCase("generate --model m", "found neither")]
    [TestCase("generate Hi --model m --raw-ids 1", "found both")]
    [TestCase("generate Hi", "--model")]
    [TestCase("generate Hi there --model m", "there")]
    [TestCase("generate --model m --raw-ids 1,x", "'x'")]
    [TestCase("generate --model m --raw-ids 1,9999", "9999")]
    [TestCase("generate Hi --model m --temperature -1", "--temperature: expected a finite number of at least 0, found -1")]
    [TestCase("generate Hi --model m --temperature warm", "'warm'")]
    [TestCase("generate Hi --model m --temperature NaN", "--temperature")]
    [TestCase("generate Hi --model m --top-p 1.5", "--top-p: expected a number from 0 to 1, found 1.5")]
    [TestCase("generate Hi --model m --min-p -1", "--min-p")]
    [TestCase("generate Hi --model m --top-k -1", "--top-k")]
    [TestCase("generate Hi --model m --repeat-penalty 0", "--repeat-penalty")]
    [TestCase("generate Hi --model m --seed -1", "--seed: expected a whole number from 0 to 18446744073709551615, found '-1'")]
    [TestCase("generate Hi --model m --max-tokens -1", "--max-tokens")]
    [TestCase("generate Hi --model m --max-tokens many", "--max-tokens: expected a whole number from -2147483648 to 2147483647, found 'many'")]
    [TestCase("generate Hi --model m --context 51", "50")]
    [TestCase("generate Hi --model m --context 0", "--context")]
    [TestCase("generate Hi --model m --beams 0", "--beams")]
    [TestCase("generate Hi --model m --log-probs -1", "--log-probs")]
    [TestCase("generate Hi --model m --device tpu", "'tpu'")]
    [TestCase("generate Hi --model m --device cpu:1", "'cpu:1'")]
    [TestCase("generate Hi --model m --vram lots", "'lots'")]
    [TestCase("generate Hi --model m --threads 0", "--threads")]
    [TestCase("generate Hi --model m --frobnicate", "--frobnicate")]
    public async Task Wrong_usage_is_exit_code_2_and_says_what_is_wrong(string line, string expected)
    {
        var run = await CommandLineRun.Of(Saying(First, 1), line.Split(' '));
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Out, Is.Empty);
        Assert.That(run.Error, Does.StartWith("usage: ").And.Contain(expected));
    }

    [TestCase("--threads", "2")]
    public async Task Option_that_is_not_carried_out_yet_is_refused_in_one_line(string option, string value)
    {
        var run = await CommandLineRun.Of(Saying(First, 1), [.. Generate, option, value]);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Out, Is.Empty);
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.StartsWith($"error: {option}: ").And.All.Contains("not available"));
    }

    [Test]
    public async Task Budget_of_device_memory_is_passed_on()
    {
        var models = Saying(First, 1);
        await CommandLineRun.Of(models, [.. Generate, "--vram", "1.5GiB"]);
        Assert.That(models.BudgetBytes, Is.EqualTo(3L << 29));
    }

    [Test]
    public async Task Empty_stop_string_is_wrong_usage() =>
        Assert.That((await CommandLineRun.Of(Saying(1), [.. Generate, "--stop", ""])).Code, Is.EqualTo(2));

    [Test]
    public async Task Text_prompt_without_a_tokenizer_is_an_error_that_names_the_way_out()
    {
        using var session = new FakeSession(10, 100, 2, 7, 8, 3);
        var run = await CommandLineRun.Of(new FakeModels(null, session), Generate);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.Contain("somewhere").And.Contain("--raw-ids"));
    }

    [Test]
    public async Task Prompt_that_begins_with_an_at_sign_or_a_dash_is_a_prompt()
    {
        Assert.That((await CommandLineRun.Of(Saying(), "generate", "@Hi", "--model", "m", "-n", "0")).Out, Is.EqualTo("@Hi\n"));
        Assert.That((await CommandLineRun.Of(Saying(), "generate", "--model", "m", "-n", "0", "--", "--Hi")).Out, Is.EqualTo("--Hi\n"));
    }

    [Test]
    public async Task Cancellation_is_exit_code_130_and_keeps_what_was_printed()
    {
        using var cancel = new CancellationTokenSource();
        var tokenizer = FakeTokenizer.Of(" there");
        using var session = new FakeSession(tokenizer.VocabularySize, 100, 3, First, First, First, First)
        {
            OnForward = (call, _) =>
            {
                if (call == 2)
                {
                    cancel.Cancel();
                }
            },
        };
        var models = new FakeModels(tokenizer, session);
        var run = await CommandLineRun.With(models, string.Empty, cancel.Token, Generate);
        Assert.That(run.Code, Is.EqualTo(130));
        Assert.That(run.Out, Is.EqualTo("Hi there there\n"));
        Assert.That(models.Disposed, Is.True);
        Assert.That(session.Disposed, Is.True);
    }

    [Test]
    public async Task Errors_are_exit_code_1_and_one_line()
    {
        (Exception Error, bool Expected)[] errors =
        [
            (new DeviceException("cuda", "two\nlines"), true), (new IOException("disk"), true), (new UnauthorizedAccessException("no"), true),
            (new AcceleratorException(AcceleratorType.CPU, "out of memory"), true), (new InvalidOperationException("a bug"), false),
        ];
        foreach (var (error, expected) in errors)
        {
            using var session = new FakeSession(10, 100, 1, 7) { OnForward = (_, _) => throw error };
            var run = await CommandLineRun.Of(new FakeModels(null, session), "generate", "--model", "m", "--raw-ids", "1", "--json");
            Assert.That(run.Code, Is.EqualTo(1));
            Assert.That(run.Out, Is.Empty);
            Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.StartsWith("error: ").And.All.Contains(error.Message.Split('\n')[^1]));
            Assert.That(run.Error.Contains("unexpected", StringComparison.Ordinal), Is.EqualTo(!expected));
        }
    }

    [Test]
    public async Task Logits_that_are_not_numbers_are_an_error()
    {
        using var session = new FakeSession(2, 100, 1) { Logits = _ => [0f, float.NaN] };
        var run = await CommandLineRun.Of(new FakeModels(null, session), "generate", "--model", "m", "--raw-ids", "1");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.Contain("NaN"));
    }

    private static int[] Numbers(JsonElement json, string name) =>
        [.. json.GetProperty(name).EnumerateArray().Select(number => number.GetInt32())];

    // with the begin-of-text token, the prompt has three tokens
    private static FakeModels Saying(params int[] script) => Following(3, script);

    // the verb disposes the session
    private static FakeModels Following(int promptLength, params int[] script)
    {
        var tokenizer = FakeTokenizer.Of(" there", " \U0001F600");
        return new FakeModels(tokenizer, new FakeSession(tokenizer.VocabularySize, 100, promptLength, script));
    }
}
