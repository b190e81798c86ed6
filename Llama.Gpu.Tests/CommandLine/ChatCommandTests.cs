using Llama.Gpu.Tests.Generation;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

public sealed class ChatCommandTests
{
    private const int First = FakeTokenizer.FirstToken;
    private static readonly FakeTokenizer Tokenizer = FakeTokenizer.Of("yes", " no");

    [Test]
    public async Task Each_line_is_a_message_and_each_answer_a_line()
    {
        var run = await Run("abc\n\nd\n");
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Is.EqualTo("yes no\nyes no\n"));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(2).And.All.StartsWith("["));
        Assert.That(run.ErrorLines[1], Does.StartWith("[7 prompt tokens, 6 of them from before; 3 tokens at "));
    }

    [Test]
    public async Task Json_has_an_object_a_turn()
    {
        var run = await Run("abc\nd\n/history\n", "--json", "--system", "S");
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Error, Is.Empty);
        var lines = run.JsonLines();
        Assert.That(lines, Has.Length.EqualTo(6));
        Assert.That(lines[1].GetProperty("question").GetString(), Is.EqualTo("d"));
        Assert.That(lines[1].GetProperty("text").GetString(), Is.EqualTo("yes no"));
        Assert.That(lines[1].GetProperty("reused_tokens").GetInt32(), Is.EqualTo(7));
        Assert.That(lines[1].GetProperty("prompt_ids")[1].GetInt32(), Is.EqualTo('S' + 2));
        Assert.That(lines[1].GetProperty("stop_reason").GetString(), Is.EqualTo("stop_token"));
        Assert.That(lines[1].GetProperty("format").GetString(), Is.EqualTo("plain"));
        Assert.That(lines[5].GetProperty("role").GetString(), Is.EqualTo("assistant"));
    }

    [Test]
    public async Task Commands_change_the_conversation()
    {
        string[] lines =
        [
            "abc", "/undo", "/undo", "/retry", "x\\", "y", "/retry", "//z", "/clear", "/system S", "q", "/history", "/nonsense", "/help",
            "/quit", "never read",
        ];
        var run = await Run(string.Join('\n', lines), "--json");
        Assert.That(run.Code, Is.Zero, run.Error);
        var turns = run.JsonLines().Where(line => line.TryGetProperty("question", out _)).ToArray();
        Assert.That(
            turns.Select(turn => turn.GetProperty("question").GetString()), Is.EqualTo(new[] { "abc", "x\ny", "x\ny", "/z", "q" }));
        Assert.That(turns[4].GetProperty("prompt_ids").GetArrayLength(), Is.EqualTo(3));
        Assert.That(run.Error, Does.Contain("forgotten: abc\n").And.Contain("note: there is nothing to forget\n"));
        Assert.That(run.Error, Does.Contain("no question to ask again").And.Contain("found /nonsense").And.Contain("/history"));
    }

    [Test]
    public async Task Alpacas_input_goes_with_the_next_message()
    {
        var run = await Run("/input in\ndo\ndo\n", "--json", "--format", "alpaca", "-c", "500");
        Assert.That(run.Code, Is.Zero, run.Error);
        string[] prompts =
        [
            .. run.JsonLines().Select(line => Tokenizer.Decode([.. line.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32())])),
        ];
        Assert.That(prompts[0], Does.EndWith("### Instruction:\ndo\n\n### Input:\nin\n\n### Response:"));
        Assert.That(prompts[1], Does.EndWith("### Instruction:\ndo\n\n### Response:"));
    }

    [Test]
    public async Task Full_context_is_said_and_the_conversation_goes_on()
    {
        var run = await Run("aaaaaaaaaa\nbbbbbbbbbb\ncccccccccc\n" + new string('d', 100) + "\ne\n", "-n", "20");
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Is.EqualTo("yes no\nyes no\nyes no\nyes no\n"));
        Assert.That(run.Error, Does.Contain("note: the context is full; the model no longer sees 4 messages, from 'aaaaaaaaaa' on\n"));
        Assert.That(run.Error, Does.Contain("error: 101 tokens at position 0 do not fit into a context of 50\n"));
    }

    [TestCase("--format", "vicuna")]
    [TestCase("--max-tokens", "0")]
    [TestCase("--context", "51")]
    [TestCase("--stop", "")]
    public async Task Options_out_of_range_are_wrong_usage(string option, string value)
    {
        var run = await Run("a\n", option, value);
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.StartsWith($"usage: {option}: "));
    }

    [Test]
    public async Task Format_that_the_tokenizer_does_not_fit_is_one_clear_line()
    {
        var run = await Run("a\n", "--format", "llama3");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1).And.All.Contains("<|eot_id|>"));
    }

    [Test]
    public async Task Cancellation_while_waiting_for_a_line_ends_with_130()
    {
        using var cancel = new CancellationTokenSource();
        using var session = Answering();
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var waiting = new WaitingReader(cancel);
        var console = new Llama.Gpu.Cli.CliConsole(waiting, output, error, Watched: true);
        int code = await Llama.Gpu.Cli.CommandLineProgram.RunAsync(
            ["chat", "--model", "m"], console, new FakeModels(Tokenizer, session), cancel.Token);
        Assert.That(code, Is.EqualTo(130));
        Assert.That(error.ToString(), Does.EndWith("> "));
    }

    [Test]
    public async Task Tiny_model_talks()
    {
        var run = await CommandLineRun.With(
            new Llama.Gpu.Cli.ModelSource(),
            "who is the fox?\nand <|eot_id|>?\n",
            default,
            "chat", "--model", RepositoryFolder.TinyModel, "--device", "cpu", "-n", "6", "--json", "-c", "200");
        Assert.That(run.Code, Is.Zero, run.Error);
        var turns = run.JsonLines();
        Assert.That(turns, Has.Length.EqualTo(2));
        Assert.That(turns[1].GetProperty("format").GetString(), Is.EqualTo("llama3"));
        int said = turns[0].GetProperty("prompt_ids").GetArrayLength() + turns[0].GetProperty("ids").GetArrayLength() - 1;
        Assert.That(turns[1].GetProperty("reused_tokens").GetInt32(), Is.EqualTo(said));

        // after two questions and one answer: the mark that the user wrote is none
        Assert.That(turns[1].GetProperty("prompt_ids").EnumerateArray().Count(id => id.GetInt32() == 1023), Is.EqualTo(3));
    }

    private static async Task<CommandLineRun> Run(string input, params string[] options)
    {
        bool large = options.Contains("500");
        using var session = Answering(large ? 500 : FakeModels.MaxPositions);
        var models = new FakeModels(Tokenizer, session) { Positions = large ? 500 : FakeModels.MaxPositions };
        return await CommandLineRun.With(models, input, default, ["chat", "--model", "m", .. options]);
    }

    private static FakeSession Answering(int contextLength = FakeModels.MaxPositions) => new(Tokenizer.VocabularySize, contextLength, 0)
    {
        Logits = held =>
        {
            var logits = new float[Tokenizer.VocabularySize];
            logits[held[^1] switch { First => First + 1, First + 1 => 1, _ => First }] = 1;
            return logits;
        },
    };

    /// <summary>A person who presses Ctrl-C rather than answer.</summary>
    // nobody types: the reading ends no sooner than the test
    private sealed class WaitingReader(CancellationTokenSource cancel) : TextReader
    {
        private readonly ManualResetEventSlim _ended = new();

        public override string? ReadLine()
        {
            cancel.Cancel();
            _ended.Wait(TimeSpan.FromMinutes(1));
            return null;
        }

        protected override void Dispose(bool disposing)
        {
            _ended.Set();
            base.Dispose(disposing);
        }
    }
}
