using System.Runtime.InteropServices;
using System.Text.Json;
using Llama.Gpu.Tests.Generation;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

public sealed class LogitsCommandTests
{
    [Test]
    public async Task Every_position_is_written_and_the_largest_of_the_last_are_printed()
    {
        using var folder = new TemporaryFolder();
        using var session = Counting();
        var json = (await Run(session, "--raw-ids", "3,1,2", "--out", folder["logits"], "--top", "2", "--json")).Json();
        Assert.That(json.GetProperty("shape").EnumerateArray().Select(n => n.GetInt32()), Is.EqualTo(new[] { 3, 4 }));
        Assert.That(json.GetProperty("top").GetProperty("ids").EnumerateArray().Select(n => n.GetInt32()), Is.EqualTo(new[] { 2, 0 }));
        Assert.That(
            json.GetProperty("top").GetProperty("values").EnumerateArray().Select(n => n.GetSingle()), Is.EqualTo(new[] { 4f, 2.25f }));
        Assert.That(json.GetProperty("non_finite").GetInt32(), Is.EqualTo(1));
        float[] floats = MemoryMarshal.Cast<byte, float>(await File.ReadAllBytesAsync(folder["logits"])).ToArray();
        Assert.That(floats, Is.EqualTo(new[]
        {
            2.25f, 1f, 3f, float.NegativeInfinity, 2.25f, 2f, 1f, float.NegativeInfinity, 2.25f, 0f, 4f, float.NegativeInfinity,
        }));
        Assert.That(Directory.EnumerateFiles(folder.Path).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Infinite_logits_are_null_in_json()
    {
        using var session = Counting();
        var values = (await Run(session, "--raw-ids", "3,1,2", "--json")).Json().GetProperty("top").GetProperty("values");
        Assert.That(values.EnumerateArray().Last().ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public async Task Table_names_the_largest()
    {
        using var session = Counting();
        var run = await Run(session, "--raw-ids", "3");
        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Out, Does.Contain("3.0000"));
    }

    [Test]
    public async Task Failure_leaves_neither_a_part_nor_the_old_file_changed()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["logits"], "old");
        using var session = new FakeSession(4, 100, 0, 1, 1, 1)
        {
            OnForward = (call, _) =>
            {
                if (call == 2)
                {
                    throw new IOException("gone");
                }
            },
        };
        Assert.That((await Run(session, "--raw-ids", "1,2,3", "--out", folder["logits"])).Code, Is.EqualTo(1));
        Assert.That(session.Calls, Is.EqualTo(2));
        Assert.That(await File.ReadAllTextAsync(folder["logits"]), Is.EqualTo("old"));
        Assert.That(Directory.EnumerateFiles(folder.Path).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Folder_that_is_not_there_is_an_error()
    {
        using var folder = new TemporaryFolder();
        using var session = Counting();
        var run = await Run(session, "--raw-ids", "1", "--out", Path.Combine(folder["none"], "logits"));
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.ErrorLines, Has.Length.EqualTo(1));
    }

    [TestCase("", "--raw-ids")]
    [TestCase("--raw-ids 4", "from 0 to 3, found 4")]
    [TestCase("--raw-ids 1 --top -1", "--top")]
    public async Task Wrong_usage_is_exit_code_2(string options, string expected)
    {
        using var session = Counting();
        var run = await Run(session, options.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain(expected));
    }

    // logits that tell how many tokens the session holds and which is the last
    private static FakeSession Counting() => new(4, 100, 0)
    {
        Logits = held => [2.25f, held.Count % 3, held[^1] == 1 ? 1 : held.Count == 1 ? 3 : 4, float.NegativeInfinity],
    };

    private static Task<CommandLineRun> Run(FakeSession session, params string[] options) =>
        CommandLineRun.Of(new FakeModels(null, session), ["logits", "--model", "m", .. options]);
}
