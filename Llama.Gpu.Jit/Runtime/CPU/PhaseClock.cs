namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// Which turns of the other lanes each lane knows to be over, through barriers with phases: for each lane the last such turn of every
/// other (a vector clock). Barriers of the whole group are not in it; they order by themselves.
/// </summary>
internal sealed class LaneClocks(int lanes)
{
    private readonly int[][] _known = [.. Enumerable.Range(0, lanes).Select(_ => new int[lanes])];

    /// <summary>What a lane knows.</summary>
    public int[] this[int lane] => _known[lane];

    /// <summary>A lane's next turn begins.</summary>
    public void Begin(int lane, int turn) => _known[lane][lane] = turn;

    /// <summary>Whether a lane knows that a turn of another is over.</summary>
    public bool Knows(int lane, int other, int turn) => _known[lane][other] >= turn;

    /// <summary>Lanes have waited for each other.</summary>
    public void Meet(int first, int count)
    {
        int[] all = new int[lanes];
        for (int lane = first; lane < first + count; lane++)
        {
            Join(all, _known[lane]);
        }

        for (int lane = first; lane < first + count; lane++)
        {
            all.CopyTo(_known[lane], 0);
        }
    }

    public static void Join(int[] into, int[] from)
    {
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = Math.Max(into[i], from[i]);
        }
    }
}

/// <summary>What those know who wait for a phase: all that those knew who arrived in it.</summary>
internal sealed class PhaseClock(int lanes)
{
    private readonly int[] _arrived = new int[lanes];
    private readonly int[] _complete = new int[lanes];

    public void Arrive(LaneClocks clocks, int lane) => LaneClocks.Join(_arrived, clocks[lane]);

    public void Complete() => _arrived.CopyTo(_complete, 0);

    public void Pass(LaneClocks clocks, int lane) => LaneClocks.Join(clocks[lane], _complete);
}
