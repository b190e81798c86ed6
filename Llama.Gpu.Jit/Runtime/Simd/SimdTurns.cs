using Llama.Gpu.Jit.Backends.Simd;

namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>
/// Runs the vectors of a group where warps go ways of their own, as they may between barriers with phases: each vector goes on when
/// those have come for whom it waits, its warp or its group, or tries again whether a phase is complete.
/// </summary>
internal static unsafe class SimdTurns
{
    private const int Over = -1;

    /// <summary>Runs a group.</summary>
    /// <param name="group">The group, which <paramref name="run"/> is told the vectors of.</param>
    /// <param name="vectorsOfAWarp">Vectors of a warp.</param>
    /// <param name="scopes">For each place where vectors wait, for whom.</param>
    /// <param name="run">Runs a vector from a state to the next place.</param>
    /// <returns>Whether all vectors came to their end; if not, those that are left wait for each other.</returns>
    public static bool Run(SimdGroup* group, int vectorsOfAWarp, WaitScope[] scopes, Func<int, int, int> run)
    {
        int vectors = group->VectorCount;
        Span<int> states = stackalloc int[vectors];
        Span<bool> ready = stackalloc bool[vectors];
        states.Clear();
        ready.Fill(true);
        while (states.ContainsAnyExcept(Over))
        {
            bool moved = false;
            int passed = group->PhasesPassed;
            for (int vector = 0; vector < vectors; vector++)
            {
                if (ready[vector])
                {
                    int state = states[vector];
                    states[vector] = run(vector, state);
                    ready[vector] = false;
                    moved |= state == 0 || states[vector] != state || scopes[state - 1] != WaitScope.Phase;
                }
            }

            Release(states, ready, vectors, WaitScope.Group, scopes);
            Release(states, ready, vectorsOfAWarp, WaitScope.Warp, scopes);
            bool released = ready.Contains(true);
            Release(states, ready, 1, WaitScope.Phase, scopes);
            if (!moved && !released && passed == group->PhasesPassed)
            {
                return !states.ContainsAnyExcept(Over);
            }
        }

        return true;
    }

    // those who have all come to the same place
    private static void Release(Span<int> states, Span<bool> ready, int together, WaitScope scope, WaitScope[] scopes)
    {
        for (int first = 0; first < states.Length; first += together)
        {
            int count = Math.Min(together, states.Length - first);
            int state = states[first];
            if (state > 0 && scopes[state - 1] == scope && !states.Slice(first, count).ContainsAnyExcept(state))
            {
                ready.Slice(first, count).Fill(true);
            }
        }
    }
}
