using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Expectations on the time that encoding takes, in this thread's own processor time.</summary>
internal static class EncodingTime
{
    // the runtime improves the code meanwhile, later where other tests keep the cores busy
    private const int Rounds = 6;

    /// <summary>A text of about a megabyte takes less than two seconds, and no more than its share beside a quarter of it.</summary>
    public static void AssertLinear(ITokenizer tokenizer, string text)
    {
        string quarter = text[..(text.Length / 4)];
        tokenizer.Encode(quarter);
        double part = double.PositiveInfinity;
        double whole = double.PositiveInfinity;

        // quadratic time would be 16 times as much; caches cost the whole something too
        bool IsLinear() => whole < (8 * part) + 0.02;
        for (int round = 0; round < Rounds && !(whole < 2 && IsLinear()); round++)
        {
            part = Math.Min(part, Enumerable.Range(0, 3).Min(_ => ThreadTime.Of(() => tokenizer.Encode(quarter)).TotalSeconds));
            whole = Math.Min(whole, ThreadTime.Of(() => tokenizer.Encode(text)).TotalSeconds);
            TestContext.Out.WriteLine($"{whole:F3} s for the whole, {part:F3} s for a quarter");
        }

        Assert.That(whole, Is.LessThan(2));
        Assert.That(IsLinear(), Is.True, $"{whole:F3} s for the whole, {part:F3} s for a quarter");
    }
}
