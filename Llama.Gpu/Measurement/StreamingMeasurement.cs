using System.Diagnostics;
using Llama.Gpu.Model;

namespace Llama.Gpu.Measurement;

/// <summary>The time of a token while weights are streamed, beside what bounds it; medians over the rounds, seconds a token.</summary>
/// <param name="StreamedBytes">Weights that cross the link for a token.</param>
/// <param name="CopySeconds">Streaming alone: the same pieces brought into the same slots, and no kernel.</param>
/// <param name="ResidentSeconds">Computing alone, with every weight resident; null where that does not fit beside the streamed model.</param>
/// <param name="SideBySideSeconds">Both at once without waiting for each other, until both are done: what the machine can do at most.</param>
/// <param name="Seconds">Streaming and computing.</param>
/// <param name="TimesBound">
/// <paramref name="Seconds"/> by the larger of copying and computing alone, each triple taken one after the other; by copying alone where
/// computing was not measured.
/// </param>
/// <param name="ShareOfSideBySide"><paramref name="SideBySideSeconds"/> by <paramref name="Seconds"/>.</param>
public sealed record StreamingResult(
    long StreamedBytes,
    double CopySeconds,
    double? ResidentSeconds,
    double? SideBySideSeconds,
    double Seconds,
    double TimesBound,
    double? ShareOfSideBySide)
{
    /// <summary>Bytes a second over the link while nothing else runs.</summary>
    public double CopyBytesPerSecond => StreamedBytes / CopySeconds;
}

/// <summary>Times a streamed model and what bounds it in turns, so that what else the machine does touches all alike.</summary>
public static class StreamingMeasurement
{
    // some tenths of a second over a slow link
    private const long CopiedBytes = 256 << 20;

    /// <summary>Bytes a second that streaming alone brings to the device, by the model's own slots; null where nothing is streamed.</summary>
    /// <exception cref="Checkpoints.CheckpointException">The weights cannot be read any more.</exception>
    public static double? CopyBytesPerSecond(LlamaModel model, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!model.Plan.Streams)
        {
            return null;
        }

        // what was read ahead while the kernels of the last token ran would count as brought in no time
        model.StreamOnly(2 * model.Plan.SlotBytes * model.Plan.SlotCount, cancellationToken);
        long before = model.Streaming.Bytes;
        long began = Stopwatch.GetTimestamp();
        model.StreamOnly(CopiedBytes, cancellationToken);
        return (model.Streaming.Bytes - before) / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>Measures.</summary>
    /// <param name="model">A model that streams.</param>
    /// <param name="session">One of its sessions.</param>
    /// <param name="resident">
    /// A session of the same model with every weight resident, on an accelerator of its own; null if there is no memory for that.
    /// </param>
    /// <param name="position">Position at which tokens are decoded; both sessions have come as far.</param>
    /// <param name="tokens">Tokens in each round.</param>
    /// <param name="rounds">Number of rounds.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="ArgumentException">The model streams nothing.</exception>
    public static StreamingResult Run(
        LlamaModel model,
        IDecoderSession session,
        IDecoderSession? resident,
        int position,
        int tokens,
        int rounds,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(session);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        if (!model.Plan.Streams)
        {
            throw new ArgumentException("expected a model that is streamed, found one that is resident", nameof(model));
        }

        void Copy()
        {
            for (int i = 0; i < tokens; i++)
            {
                model.StreamOnly(cancellationToken: cancellationToken);
            }
        }

        double PerToken(Action work)
        {
            long began = Stopwatch.GetTimestamp();
            work();
            return Stopwatch.GetElapsedTime(began).TotalSeconds / tokens;
        }

        Action compute = () => Decode(session, position, tokens, cancellationToken);
        Action? computeResident = resident is null ? null : () => Decode(resident, position, tokens, cancellationToken);

        // the slots are full when the first round begins, as they are after it
        model.StreamOnly(cancellationToken: cancellationToken);
        var found = new Round[rounds];
        for (int i = 0; i < rounds; i++)
        {
            double copy = PerToken(Copy);
            double? alone = computeResident is null ? null : PerToken(computeResident);
            double? both = computeResident is null ? null : PerToken(() => AtOnce(Copy, computeResident));
            found[i] = new Round(copy, alone, both, PerToken(compute));
        }

        return new StreamingResult(
            model.Plan.StreamedBytesPerToken,
            Median(found, round => round.Copy)!.Value,
            Median(found, round => round.Resident),
            Median(found, round => round.SideBySide),
            Median(found, round => round.Streamed)!.Value,
            Median(found, round => round.Streamed / Math.Max(round.Copy, round.Resident ?? 0))!.Value,
            Median(found, round => round.SideBySide / round.Streamed));
    }

    private static void Decode(IDecoderSession session, int position, int tokens, CancellationToken cancellationToken)
    {
        session.Rewind(position);
        Span<int> id = [1];
        for (int i = 0; i < tokens; i++)
        {
            session.Forward(id, cancellationToken);
        }
    }

    private static void AtOnce(Action first, Action second)
    {
        Task other = Task.Run(first);
        try
        {
            second();
        }
        finally
        {
            other.GetAwaiter().GetResult();
        }
    }

    private static double? Median(Round[] rounds, Func<Round, double?> value)
    {
        double[] values = [.. rounds.Select(value).OfType<double>()];
        return values.Length == 0 ? null : PairedMeasurement.Median(values);
    }

    private readonly record struct Round(double Copy, double? Resident, double? SideBySide, double Streamed);
}
