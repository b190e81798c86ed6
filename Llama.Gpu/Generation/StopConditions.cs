using System.Collections.Frozen;
using System.Globalization;

namespace Llama.Gpu.Generation;

/// <summary>Decides after each token whether a generation ends, and which text may be shown. For one generation.</summary>
public sealed class StopConditions
{
    private readonly FrozenSet<int> _stopTokens;
    private readonly StopStringFilter _strings;
    private readonly int? _maxTokens;
    private int _tokens;

    /// <param name="stopTokens">Ids that end the text; their own text is never shown.</param>
    /// <param name="stopStrings">Strings that end the text; it ends before them.</param>
    /// <param name="maxTokens">Most tokens to generate, or null for no limit.</param>
    /// <exception cref="ArgumentException">An empty stop string, or a negative number of tokens.</exception>
    public StopConditions(IEnumerable<int> stopTokens, IEnumerable<string> stopStrings, int? maxTokens)
    {
        if (maxTokens < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(maxTokens), string.Create(CultureInfo.InvariantCulture, $"MaxTokens: expected at least 0, found {maxTokens}"));
        }

        _stopTokens = stopTokens.ToFrozenSet();
        _strings = new StopStringFilter(stopStrings);
        _maxTokens = maxTokens;
        Reason = maxTokens == 0 ? StopReason.MaxTokens : null;
    }

    /// <summary>Why the generation ended, or null as long as it goes on.</summary>
    public StopReason? Reason { get; private set; }

    /// <summary>The stop string that ended it, if one did.</summary>
    public string? StopString => _strings.Match;

    /// <summary>Takes a generated token.</summary>
    /// <param name="id">The token.</param>
    /// <param name="text">Gives the text that the token completes; not called for a stop token.</param>
    /// <param name="end">Gives the text that is left when no token follows.</param>
    /// <param name="contextFull">Whether the context has no room for this token.</param>
    /// <returns>The text to show, possibly empty.</returns>
    public string Accept(int id, Func<int, string> text, Func<string> end, bool contextFull)
    {
        _tokens++;
        string shown = string.Empty;
        if (_stopTokens.Contains(id))
        {
            Reason = StopReason.StopToken;
        }
        else
        {
            shown = _strings.Append(text(id));
            Reason = _strings.Match is not null ? StopReason.StopString
                : _tokens == _maxTokens ? StopReason.MaxTokens
                : contextFull ? StopReason.ContextFull
                : null;
        }

        if (Reason is null or StopReason.StopString)
        {
            return shown;
        }

        shown += _strings.Append(end());
        if (_strings.Match is not null)
        {
            Reason = StopReason.StopString;
            return shown;
        }

        return shown + _strings.Flush();
    }
}
