using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Generation;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

public sealed class StopStringFilterTests
{
    private static readonly Config Quiet = Config.QuickThrowOnFailure.WithMaxTest(2000).WithReplay(20250103, 5);

    // few letters, so that stop strings occur, overlap themselves and begin in vain
    private static readonly Gen<string> Texts = Gen.Elements("a", "a", "b", "c", "\U0001F600", "\U0001F601").ArrayOf().Select(string.Concat);
    private static readonly Gen<string> Stops = Texts.Where(text => text.Length is > 0 and < 9);

    [Test]
    public void Output_ends_before_the_first_occurrence_wherever_the_pieces_are_cut()
    {
        int found = 0;
        var cases = from text in Texts from stop in Stops from cuts in Gen.Choose(0, 3).ArrayOf() select (text, stop, cuts);
        Prop.ForAll(Arb.From(cases), sample =>
        {
            int at = sample.text.IndexOf(sample.stop, StringComparison.Ordinal);
            found += at >= 0 ? 1 : 0;
            var filter = new StopStringFilter([sample.stop]);
            string output = Run(filter, Cut(sample.text, sample.cuts));
            Assert.That(output, Is.EqualTo(at < 0 ? sample.text : sample.text[..at]));
            Assert.That(filter.Match, Is.EqualTo(at < 0 ? null : sample.stop));
        }).Check(Quiet);
        Assert.That(found, Is.GreaterThan(100));
    }

    [Test]
    public void Several_stop_strings_end_at_the_one_complete_first_wherever_the_pieces_are_cut()
    {
        var cases = from text in Texts from stops in Stops.ArrayOf(3) from cuts in Gen.Choose(0, 3).ArrayOf() select (text, stops, cuts);
        Prop.ForAll(Arb.From(cases), sample =>
        {
            string? match = null;
            string expected = sample.text;
            for (int end = 1; end <= sample.text.Length && match is null; end++)
            {
                match = sample.stops.Where(stop => sample.text[..end].EndsWith(stop!, StringComparison.Ordinal)).MaxBy(stop => stop!.Length);
                expected = match is null ? sample.text : sample.text[..(end - match.Length)];
            }

            var filter = new StopStringFilter(sample.stops);
            string output = Run(filter, Cut(sample.text, sample.cuts));
            Assert.That(output, Is.EqualTo(expected));
            Assert.That(filter.Match, Is.EqualTo(match));
            Assert.That(sample.stops, Has.None.Matches<string>(stop => output.Contains(stop!, StringComparison.Ordinal)));
        }).Check(Quiet);
    }

    [Test]
    public void Text_is_held_back_only_while_it_may_begin_a_stop_string()
    {
        var filter = new StopStringFilter(["\n\nUser:"]);
        Assert.That(filter.Append("Hello\n"), Is.EqualTo("Hello"));
        Assert.That(filter.Append("\n"), Is.Empty);
        Assert.That(filter.Append("\n"), Is.EqualTo("\n"));
        Assert.That(filter.Append("Us"), Is.Empty);
        Assert.That(filter.Append("ual"), Is.EqualTo("\n\nUsual"));
        Assert.That(filter.Append("\n\nUse"), Is.Empty);
        Assert.That(filter.Flush(), Is.EqualTo("\n\nUse"));
        Assert.That(filter.Flush(), Is.Empty);
    }

    [Test]
    public void Pieces_are_never_cut_inside_a_surrogate_pair()
    {
        var filter = new StopStringFilter(["\U0001F600!"]);
        Assert.That(filter.Append("x\U0001F601"), Is.EqualTo("x\U0001F601"));
        Assert.That(filter.Append("y\U0001F600"), Is.EqualTo("y"));
        Assert.That(filter.Append("?"), Is.EqualTo("\U0001F600?"));
    }

    [Test]
    public void No_stop_strings_let_everything_through()
    {
        var filter = new StopStringFilter([]);
        Assert.That(filter.Append("abc"), Is.EqualTo("abc"));
        Assert.That(filter.Flush(), Is.Empty);
    }

    [Test]
    public void Nothing_comes_after_a_match()
    {
        var filter = new StopStringFilter(["b"]);
        Assert.That(filter.Append("abc"), Is.EqualTo("a"));
        Assert.That(() => filter.Append("d"), Throws.InvalidOperationException);
        Assert.That(filter.Flush(), Is.Empty);
    }

    [Test]
    public void Stop_string_that_can_never_occur_is_an_argument_error()
    {
        // lone surrogates cannot stand in an attribute
        foreach (string stop in new[] { string.Empty, "a\ud83d", "\ude00b" })
        {
            Assert.That(() => new StopStringFilter(["fine", stop]), Throws.InstanceOf<ArgumentException>());
        }
    }

    // pieces of whole characters, as a decoder gives them
    private static List<string> Cut(string text, int[] lengths)
    {
        var pieces = new List<string>();
        var runes = text.EnumerateRunes().Select(rune => rune.ToString()).ToArray();
        int at = 0;
        foreach (int length in lengths)
        {
            pieces.Add(string.Concat(runes.Skip(at).Take(length)));
            at += length;
        }

        pieces.Add(string.Concat(runes.Skip(at)));
        return pieces;
    }

    private static string Run(StopStringFilter filter, IEnumerable<string> pieces)
    {
        var output = new StringBuilder();
        foreach (string piece in pieces)
        {
            output.Append(filter.Append(piece));
            if (filter.Match is not null)
            {
                break;
            }
        }

        return output.Append(filter.Flush()).ToString();
    }
}
