using System.Text;

namespace Llama.Gpu.Generation;

/// <summary>
/// Lets text through until a stop string stands in it. Text that may be the beginning of a stop string is held back until that is
/// decided, so what comes out never holds a stop string or a part of the one that ended it, wherever the pieces are cut.
/// The stop string that is complete first counts; of those that end at the same character, the longest.
/// Characters are compared as they are: no case folding, no Unicode normalization.
/// </summary>
public sealed class StopStringFilter
{
    private readonly Pattern[] _patterns;
    private readonly StringBuilder _held = new();

    /// <param name="stopStrings">Any number of strings, none empty.</param>
    /// <exception cref="ArgumentException">A string that is null, empty or no well-formed UTF-16.</exception>
    public StopStringFilter(IEnumerable<string> stopStrings)
    {
        ArgumentNullException.ThrowIfNull(stopStrings);
        _patterns = [.. stopStrings.Distinct().Select(text => new Pattern(Check(text)))];
    }

    /// <summary>The stop string that was found, or null.</summary>
    public string? Match { get; private set; }

    /// <summary>Takes the next piece of text.</summary>
    /// <param name="text">Well-formed UTF-16, possibly empty.</param>
    /// <returns>The text that is now known to come before any stop string, possibly empty.</returns>
    /// <exception cref="InvalidOperationException">A stop string was found before.</exception>
    public string Append(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Match is not null)
        {
            throw new InvalidOperationException("nothing comes after a stop string");
        }

        if (_patterns.Length == 0)
        {
            return text;
        }

        foreach (char c in text)
        {
            _held.Append(c);
            foreach (var pattern in _patterns)
            {
                if (pattern.Advance(c) && pattern.Text.Length > (Match?.Length ?? 0))
                {
                    Match = pattern.Text;
                }
            }

            if (Match is not null)
            {
                return Release(Match.Length, drop: true);
            }
        }

        return Release(_patterns.Max(pattern => pattern.Matched), drop: false);
    }

    /// <summary>The text that is still held back, when nothing follows it.</summary>
    public string Flush()
    {
        foreach (var pattern in _patterns)
        {
            pattern.Reset();
        }

        return Release(0, drop: false);
    }

    private static string Check(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text, i))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                throw new ArgumentException($"stop string: expected well-formed UTF-16, found a lone surrogate at index {i}");
            }
        }

        return text;
    }

    private string Release(int keep, bool drop)
    {
        string released = _held.ToString(0, _held.Length - keep);
        _held.Remove(0, drop ? _held.Length : released.Length);
        return released;
    }

    /// <summary>A stop string and how much of it the text so far ends with (Knuth, Morris and Pratt).</summary>
    private sealed class Pattern
    {
        // for each length matched, the next shorter one that the text also ends with
        private readonly int[] _fallback;

        public Pattern(string text)
        {
            Text = text;
            _fallback = new int[text.Length + 1];
            for (int i = 1; i < text.Length; i++)
            {
                _fallback[i + 1] = Next(_fallback[i], text[i]);
            }
        }

        public string Text { get; }

        public int Matched { get; private set; }

        public bool Advance(char c)
        {
            Matched = Next(Matched, c);
            return Matched == Text.Length;
        }

        public void Reset() => Matched = 0;

        private int Next(int matched, char c)
        {
            while (matched > 0 && Text[matched] != c)
            {
                matched = _fallback[matched];
            }

            return Text[matched] == c ? matched + 1 : 0;
        }
    }
}
