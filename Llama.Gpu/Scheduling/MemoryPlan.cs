using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// What of a model stays on the device and what crosses the link for each token, under a budget. A pure function of sizes.
/// </summary>
/// <remarks>
/// Every byte of a matrix is read once a token, so a resident byte saves a byte a token wherever it lies; only the embedding, of which a
/// token needs one row, is worth next to nothing and comes last. What is resident is a prefix of one fixed order of pieces, in which they
/// are spread evenly over the pass, so that no resident stretch is long enough for the slots to be full before it ends. Since slots and
/// order do not depend on the budget, a larger budget never leaves less resident; and a model that fits is not streamed at all.
/// </remarks>
public sealed class MemoryPlan
{
    /// <summary>
    /// Pieces that a slot takes. Each is computed from and given back on its own: with one, two slots of which the kernels hold one would
    /// leave the link idle whenever a resident piece comes between.
    /// </summary>
    public const int PiecesPerSlot = 2;

    /// <summary>The least that is chosen for a slot.</summary>
    internal const long SmallestSlot = 256 << 10;

    private readonly ImmutableArray<StepPlan> _steps;

    private MemoryPlan(ModelLayout layout, MemoryPlanRequest request)
    {
        Layout = layout;
        Request = request;
        long target = request.SlotBytes ?? Math.Clamp(layout.StepBytes / 64, SmallestSlot, request.LargestSlotBytes);
        ImmutableArray<ImmutableArray<WeightPiece>> cut = [.. layout.Steps.Select(step => WeightPiece.Cut(step, Math.Max(1, target / PiecesPerSlot)))];
        int sliceWidth = cut.Max(pieces => pieces.Max(piece => piece.Rows.Max(rows => rows.Count)));
        long slotBytes = PiecesPerSlot * cut.Max(pieces => pieces.Max(piece => piece.SlotBytes));

        SessionMemory whole = Session(sliceWidth: 0);
        long residentBytes = layout.SmallBytes + layout.StepBytes + whole.Bytes;
        SessionMemory cutSession = Session(sliceWidth);
        int slotCount = request.SlotCount ?? MemoryPlanRequest.UsualSlotCount;
        long streamingBytes = layout.SmallBytes + (slotBytes * slotCount) + cutSession.Bytes;
        SmallestBudget = Math.Min(residentBytes, streamingBytes);
        if (request.BudgetBytes < SmallestBudget)
        {
            throw new MemoryBudgetException(request.BudgetBytes, SmallestBudget, residentBytes < streamingBytes
                ? $"the model's weights {Text(layout.SmallBytes + layout.StepBytes)}, {Describe(whole)}"
                : $"{Describe(cutSession)}, norms and biases {Text(layout.SmallBytes)}, "
                    + $"{slotCount} staging slots of {Text(slotBytes)} each");
        }

        if (request.BudgetBytes >= residentBytes)
        {
            SessionBytes = whole;
            EmbeddingIsResident = request.BudgetBytes >= residentBytes + layout.LookupBytes;
            _steps = [.. layout.Steps.Select(StepPlan.Whole)];
        }
        else
        {
            SessionBytes = cutSession;
            SlotBytes = slotBytes;
            SlotCount = slotCount;
            SliceWidth = sliceWidth;
            _steps = Choose(cut, request.BudgetBytes - streamingBytes);

            // a head that is whole on the device serves lookups too
            EmbeddingIsResident = layout.Config.TieWordEmbeddings && _steps[^1].IsWholeResident;
        }

        StreamedBytesPerToken = _steps.Sum(step => step.Streamed.Sum(piece => piece.Bytes))
            + (EmbeddingIsResident ? 0 : layout.Config.HiddenSize * (long)sizeof(float));
        ResidentBytes = layout.SmallBytes + _steps.Sum(step => step.ResidentBytes)
            + (EmbeddingIsResident ? layout.LookupBytes : 0);
    }

    /// <summary>The model.</summary>
    public ModelLayout Layout { get; }

    /// <summary>What the plan was made for.</summary>
    public MemoryPlanRequest Request { get; }

    /// <summary>The smallest budget with which the model runs at all.</summary>
    public long SmallestBudget { get; }

    /// <summary>Bytes of weights that stay on the device.</summary>
    public long ResidentBytes { get; }

    /// <summary>Bytes of a staging slot; 0 where nothing is streamed.</summary>
    public long SlotBytes { get; }

    /// <summary>Staging slots; 0 where nothing is streamed.</summary>
    public int SlotCount { get; }

    /// <summary>KV cache and activations.</summary>
    public SessionMemory SessionBytes { get; }

    /// <summary>Most rows of a piece; 0 where nothing is streamed.</summary>
    public int SliceWidth { get; }

    /// <summary>Whether the embedding is on the device; if not, its rows are gathered on the host.</summary>
    public bool EmbeddingIsResident { get; }

    /// <summary>Whether matrices are streamed.</summary>
    public bool Streams => SlotBytes > 0;

    /// <summary>Bytes that cross the link to the device for a token of decoding, or for a chunk of a prompt.</summary>
    public long StreamedBytesPerToken { get; }

    /// <summary>Device memory in use when a session of the planned length runs.</summary>
    public long PlannedBytes => ResidentBytes + (SlotBytes * SlotCount) + SessionBytes.Bytes;

    /// <summary>How each step of <see cref="ModelLayout.Steps"/> is kept.</summary>
    public IReadOnlyList<StepPlan> Steps => _steps;

    /// <summary>Makes a plan.</summary>
    /// <exception cref="MemoryBudgetException">The budget is smaller than any with which the model runs.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of the request is out of range.</exception>
    public static MemoryPlan Create(ModelLayout layout, MemoryPlanRequest request)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.ChunkLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.SlotCount ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.LargestSlotBytes, SmallestSlot);
        return new(layout, request);
    }

    /// <summary>The smallest budget with which a model runs.</summary>
    public static long Smallest(ModelLayout layout, MemoryPlanRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Create(layout, request with { BudgetBytes = long.MaxValue }).SmallestBudget;
    }

    private static string Describe(SessionMemory session) =>
        $"KV cache {Text(session.CacheBytes)}, activations {Text(session.ActivationBytes)}";

    private static string Text(long bytes) => MemoryBudgetException.Mebibytes(bytes);

    // The prefix ends at the first piece that does not fit, though a smaller one behind it might: so it only grows with the budget.
    private static ImmutableArray<StepPlan> Choose(ImmutableArray<ImmutableArray<WeightPiece>> cut, long left)
    {
        (int Step, int Piece)[] pieces = [.. cut.SelectMany((found, step) => found.Select((_, piece) => (step, piece)))];
        bool[][] resident = [.. cut.Select(found => new bool[found.Length])];
        foreach (int place in SpreadOrder(pieces.Length))
        {
            (int step, int piece) = pieces[place];
            left -= cut[step][piece].SlotBytes;
            if (left < 0)
            {
                break;
            }

            resident[step][piece] = true;
        }

        return [.. cut.Select((found, step) => Array.TrueForAll(resident[step], kept => kept)
            ? StepPlan.Whole(found[0].Step)
            : new StepPlan(found, [.. resident[step]]))];
    }

    // bits of the index reversed: each prefix is spread evenly
    private static IEnumerable<int> SpreadOrder(int count)
    {
        int bits = BitOperations.Log2((uint)Math.Max(1, count - 1)) + 1;
        for (uint i = 0; i < 1u << bits; i++)
        {
            uint reversed = 0;
            for (int bit = 0; bit < bits; bit++)
            {
                reversed |= (i >> bit & 1) << (bits - 1 - bit);
            }

            if (reversed < count)
            {
                yield return (int)reversed;
            }
        }
    }

    private SessionMemory Session(int sliceWidth) => SessionMemory.Of(
        Layout.Config,
        new SessionShape(Request.ContextLength, Request.SessionChunk, Request.CacheType ?? Layout.KeyType, sliceWidth, Request.Scratch));

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Text(ResidentBytes)} resident, {Text(StreamedBytesPerToken)} streamed a token through {SlotCount} slots of {Text(SlotBytes)}, "
        + $"{Describe(SessionBytes)}: {Text(PlannedBytes)} of {Text(Request.BudgetBytes)}");
}

/// <summary>How a step's matrices are kept.</summary>
/// <param name="Pieces">The step in pieces; one where it is resident as a whole.</param>
/// <param name="IsResident">Of each piece whether it is resident.</param>
public sealed record StepPlan(ImmutableArray<WeightPiece> Pieces, ImmutableArray<bool> IsResident)
{
    /// <summary>The pieces that are streamed, in order.</summary>
    public IEnumerable<WeightPiece> Streamed => Pieces.Where((_, i) => !IsResident[i]);

    /// <summary>Whether nothing of the step is streamed.</summary>
    public bool IsWholeResident => !IsResident.Contains(false);

    /// <summary>Device memory that the resident pieces take: a step that is resident as a whole is not padded.</summary>
    public long ResidentBytes => IsWholeResident ? Pieces[0].Step.Bytes : Pieces.Where((_, i) => IsResident[i]).Sum(piece => piece.SlotBytes);

    /// <summary>A step that is resident, in one piece.</summary>
    public static StepPlan Whole(LayoutStep step) => new([WeightPiece.Whole(step)], [true]);
}
