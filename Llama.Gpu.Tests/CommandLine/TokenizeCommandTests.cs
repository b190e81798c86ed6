using System.Text;
using System.Text.Json;
using Llama.Gpu.Cli;
using Llama.Gpu.Tests.Generation;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

public sealed class TokenizeCommandTests
{
    [Test]
    public async Task Text_gives_ids_and_pieces()
    {
        var run = await Run("", "tokenize", "a\u00e9", "--model", "m");
        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Out.Split('\n')[0], Is.EqualTo($"0,{'a' + 2},{0xC3 + 2},{0xA9 + 2}"));
        Assert.That(run.Out, Does.Contain("\"a\"").And.Contain("\"<0xC3>\""));

        var json = (await Run("", "tokenize", "a\u00e9", "--model", "m", "--json")).Json();
        Assert.That(Ids(json), Is.EqualTo(new[] { 0, 'a' + 2, 0xC3 + 2, 0xA9 + 2 }));
        Assert.That(Pieces(json), Is.EqualTo(new[] { "<begin>", "a", "<0xC3>", "<0xA9>" }));
    }

    [Test]
    public async Task Begin_of_text_can_be_left_out() =>
        Assert.That(Ids((await Run("", "tokenize", "a", "--tokenizer", "file", "--no-bos", "--json")).Json()), Is.EqualTo(new[] { 'a' + 2 }));

    [Test]
    public async Task Standard_input_is_taken_as_it_is()
    {
        const string Input = "\ufeffa\r\n\n b\n";
        var json = (await Run(Input, "tokenize", "--stdin", "--model", "m", "--no-bos", "--json")).Json();
        Assert.That(Ids(json), Is.EqualTo(Encoding.UTF8.GetBytes(Input).Select(b => b + 2)));
    }

    [Test]
    public async Task Json_lines_give_a_line_each_also_for_lone_surrogates_and_every_escape()
    {
        string[] texts = ["a\nb", "", "\"\\/\b\f\n\r\t\u0001", "\u00e9\U0001F600", "x"];
        string input = string.Join('\n', texts.Select(text => JsonSerializer.Serialize(text))) + "\n\"\\/\\u0041\"\n\"a\\ud83d\"\n";
        var run = await Run(input, "tokenize", "--jsonl", "--model", "m", "--no-bos");
        var expected = texts.Append("/A").Append("a\ufffd").Select(text => Encoding.UTF8.GetBytes(text).Select(b => b + 2));
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.JsonLines().Select(Ids), Is.EqualTo(expected));
    }

    [TestCase("\"a\"\n7\n", "line 2", "number")]
    [TestCase("\"a\"\n\"b\"\n\"c\n", "line 3", "JSON string")]
    [TestCase("\n", "line 1", "JSON string")]
    [TestCase("\"a\" \"b\"\n", "line 1", "JSON string")]
    [TestCase("[\"a\"]\n", "line 1", "array")]
    public async Task Line_that_is_no_json_string_is_an_error_that_names_it(string input, string line, string found)
    {
        var run = await Run(input, "tokenize", "--jsonl", "--model", "m");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains(line).And.All.Contains(found));
    }

    [TestCase("tokenize --model m", "found none")]
    [TestCase("tokenize a --stdin --model m", "found several")]
    [TestCase("tokenize --jsonl --stdin --model m", "found several")]
    [TestCase("tokenize a", "found neither")]
    [TestCase("tokenize a --model m --tokenizer f", "found both")]
    [TestCase("detokenize --model m", "detokenize")]
    [TestCase("detokenize 1,two --model m", "'two'")]
    [TestCase("detokenize , --model m", "found none")]
    [TestCase("detokenize 1,-1 --model m", "'-1'")]
    [TestCase("detokenize 1,99999 --model m", "99999")]
    [TestCase("detokenize 99999999999 --model m", "99999999999")]
    public async Task Wrong_usage_is_exit_code_2(string line, string expected)
    {
        var run = await Run("", line.Split(' '));
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Out, Is.Empty);
        Assert.That(run.Error, Does.StartWith("usage: ").And.Contain(expected));
    }

    [Test]
    public async Task Ids_give_text()
    {
        string ids = $"0,{'a' + 2},{0xC3 + 2},{0xA9 + 2},1";
        Assert.That((await Run("", "detokenize", ids, "--model", "m")).Out, Is.EqualTo("a\u00e9\n"));
        Assert.That(
            (await Run("", "detokenize", ids, "--model", "m", "--special", "--json")).Json().GetProperty("text").GetString(),
            Is.EqualTo("<begin>a\u00e9<end>"));
    }

    [Test]
    public async Task Missing_tokenizer_is_an_error()
    {
        using var session = new FakeSession(10, 10, 1);
        foreach (string option in new[] { "--model", "--tokenizer" })
        {
            var run = await CommandLineRun.Of(new FakeModels(null, session), "tokenize", "a", option, "somewhere");
            Assert.That(run.Code, Is.EqualTo(1));
            Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains("somewhere"));
        }
    }

    [Test]
    public async Task Cancellation_leaves_a_blocked_read_behind()
    {
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        using var input = new BlockedReader();
        using var output = new StringWriter();
        using var session = new FakeSession(10, 10, 1);
        var console = new CliConsole(input, output, output, Watched: false);
        int code = await CommandLineProgram.RunAsync(
            ["tokenize", "--stdin", "--model", "m"], console, new FakeModels(new FakeTokenizer(), session), cancel.Token);
        Assert.That(code, Is.EqualTo(130));
    }

    private static async Task<CommandLineRun> Run(string input, params string[] args)
    {
        using var session = new FakeSession(10, 10, 1);
        return await CommandLineRun.With(new FakeModels(new FakeTokenizer(), session), input, default, args);
    }

    private static int[] Ids(JsonElement json) => [.. json.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    private static string[] Pieces(JsonElement json) => [.. json.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetString()!)];

    /// <summary>Standard input on which nobody types.</summary>
    private sealed class BlockedReader : TextReader
    {
        private readonly ManualResetEventSlim _end = new();

        public override string ReadToEnd()
        {
            _end.Wait(TimeSpan.FromSeconds(30));
            return string.Empty;
        }

        protected override void Dispose(bool disposing)
        {
            _end.Set();
            base.Dispose(disposing);
        }
    }
}
