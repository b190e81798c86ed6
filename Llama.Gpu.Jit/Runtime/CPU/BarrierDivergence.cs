namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>A group in which some lanes wait for others that never come.</summary>
/// <param name="Lane">The lane whose place is reported: one that waits.</param>
/// <param name="Problem">Who waits where, and who does not come.</param>
internal sealed record BarrierDivergence(int Lane, string Problem)
{
    public static BarrierDivergence Describe(ReadOnlySpan<LaneState> states, ReadOnlySpan<int> lines)
    {
        int waiting = states.IndexOfAnyExcept(LaneState.Finished);
        LaneState state = states[waiting];
        int line = lines[waiting];
        int together = 0;
        int elsewhere = -1;
        for (int i = 0; i < states.Length; i++)
        {
            if (states[i] == state && lines[i] == line)
            {
                together++;
            }
            else if (elsewhere < 0)
            {
                elsewhere = i;
            }
        }

        return new(
            waiting,
            $"{together} of {states.Length} lanes wait at this {Name(state)}, which not all lanes reach: lane {elsewhere} {Doing(states[elsewhere], lines[elsewhere])}");
    }

    private static string Name(LaneState state) => state switch
    {
        LaneState.AtBarrier => "barrier",
        LaneState.AtWarpBarrier => "warp barrier",
        _ => "warp operation",
    };

    private static string Doing(LaneState state, int line) => state switch
    {
        LaneState.Finished => "has returned",
        LaneState.AtBarrier when line > 0 => $"waits at the barrier of line {line}",
        _ => $"waits at a {Name(state)}",
    };
}
