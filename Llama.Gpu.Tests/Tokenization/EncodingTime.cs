using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Tokenization;

/// <summary>Expectations on the time that encoding takes, in this thread's own processor time.</summary>
internal static class EncodingTime
{
    /// <summary>A text of about a megabyte takes less than two seconds, and no more than its share beside a quarter of it.</summary>
    public static void AssertLinear(ITokenizer tokenizer, string text)
    {
        string quarter = text[..(text.Length / 4)];
        tokenizer.Encode(quarter);
        double part = Enumerable.Range(0, 3).Min(_ => ThreadTime.Of(() => tokenizer.Encode(quarter)).TotalSeconds);
        double whole = Enumerable.Range(0, 2).Min(_ => ThreadTime.Of(() => tokenizer.Encode(text)).TotalSeconds);
        TestContext.Out.WriteLine($"{whole:F3} s for the whole, {part:F3} s for a quarter");
        Assert.That(whole, Is.LessThan(2));

        // quadratic time would be 16 times as much; caches cost the whole something too
        Assert.That(whole, Is.LessThan((8 * part) + 0.02));
    }
}
