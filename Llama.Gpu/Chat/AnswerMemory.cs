using System.Collections.Immutable;

namespace Llama.Gpu.Chat;

/// <summary>
/// The ids of the last answers by their text. Callers give a conversation back as text, which may be encoded in other tokens than it was
/// generated in; with the ids of old, a KV cache still holds it. For use by several threads.
/// </summary>
internal sealed class AnswerMemory(int capacity)
{
    private readonly Dictionary<string, ImmutableArray<int>> _ids = [];
    private readonly Queue<string> _order = [];
    private readonly Lock _lock = new();

    /// <summary>Notes an answer; the oldest is forgotten when there are too many.</summary>
    public void Add(Message answer)
    {
        if (answer.Ids.IsDefaultOrEmpty)
        {
            return;
        }

        lock (_lock)
        {
            if (!_ids.ContainsKey(answer.Text))
            {
                _order.Enqueue(answer.Text);
            }

            _ids[answer.Text] = answer.Ids;
            if (_order.Count > capacity)
            {
                _ids.Remove(_order.Dequeue());
            }
        }
    }

    /// <summary>The ids of an answer of this text; empty where there was none.</summary>
    public ImmutableArray<int> Find(string text)
    {
        lock (_lock)
        {
            return _ids.GetValueOrDefault(text, []);
        }
    }
}
