using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Generation;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

public sealed class TopLogitsTests
{
    private static readonly Config Quiet = Config.QuickThrowOnFailure.WithMaxTest(1000).WithReplay(20250102, 5);

    private static readonly float[] Values =
        [float.NaN, float.NegativeInfinity, float.PositiveInfinity, -0f, 0f, 1f, -1f, 1e-45f, -1e-45f, 3.4e38f, -3.4e38f, 0.5f];

    [Test]
    public void Selection_is_the_head_of_the_sorted_row()
    {
        var rows = Gen.OneOf(Gen.Elements(Values), Gen.Choose(-1000, 1000).Select(n => n / 16f)).ArrayOf();
        Prop.ForAll(Arb.From(rows), Arb.From(Gen.Choose(0, 40)), (row, count) =>
        {
            var expected = row.Select((logit, id) => (id, logit)).Where(entry => !float.IsNaN(entry.logit))
                .OrderByDescending(entry => entry.logit).ThenBy(entry => entry.id).Take(count);
            Assert.That(TopLogits.Select(row, count), Is.EqualTo(expected));
        }).Check(Quiet);
    }

    [Test]
    public void Negative_count_is_an_argument_error() =>
        Assert.That(() => TopLogits.Select([1f], -1), Throws.TypeOf<ArgumentOutOfRangeException>());
}
