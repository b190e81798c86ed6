using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

/// <summary>
/// A model on a device: one set of weights from which any number of sequences are decoded, each with a
/// <see cref="DecoderSession"/> of its own. Sessions of one model are not for use at the same time.
/// </summary>
public sealed class LlamaModel : IDisposable
{
    private readonly PlannedWeights _weights;

    private LlamaModel(LlamaConfig config, DeviceBudget budget, MemoryPlan plan, PlannedWeights weights, KernelSet kernels)
    {
        Config = config;
        Budget = budget;
        Plan = plan;
        _weights = weights;
        Kernels = kernels;
    }

    /// <summary>Shape and constants of the model.</summary>
    public LlamaConfig Config { get; }

    /// <summary>Where it runs.</summary>
    public Accelerator Accelerator => Budget.Accelerator;

    /// <summary>Norms and biases, on the device, and the shapes of the projections.</summary>
    public LlamaWeights Weights => _weights.Small;

    /// <summary>Where weights and sessions take their device memory.</summary>
    public DeviceBudget Budget { get; }

    /// <summary>What is resident and what is streamed.</summary>
    public MemoryPlan Plan { get; }

    /// <summary>What streaming has done so far; all zero where every weight is resident.</summary>
    public StreamingFigures Streaming => _weights.Figures;

    internal IWeightSource Source => _weights;

    internal KernelSet Kernels { get; }

    /// <summary>Copies every weight onto the device, in the checkpoint's own types. The checkpoint may be disposed afterwards.</summary>
    /// <param name="checkpoint">An opened checkpoint.</param>
    /// <param name="accelerator">Where the model will run; outlives the model.</param>
    /// <param name="progress">Told the bytes of each piece that has been copied.</param>
    /// <param name="cancellationToken">Ends loading early; what was loaded is freed.</param>
    /// <exception cref="AcceleratorException">The device has not enough memory.</exception>
    public static LlamaModel Load(
        Checkpoint checkpoint, Accelerator accelerator, IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        Load(checkpoint, accelerator, new MemoryPlanRequest(long.MaxValue, ContextLength: 1), progress, cancellationToken);

    /// <summary>
    /// Brings a model onto a device within a budget of memory: as much as fits stays there, the rest is streamed from the checkpoint, which
    /// must then outlive the model. Results are the same to the last bit.
    /// </summary>
    /// <param name="checkpoint">An opened checkpoint.</param>
    /// <param name="accelerator">Where the model will run; outlives the model.</param>
    /// <param name="request">
    /// The budget, and the sessions that it has to hold as well; what depends on the device is found here (<see cref="MemoryPlanRequest.For"/>).
    /// </param>
    /// <param name="progress">Told the bytes of each part that has been loaded.</param>
    /// <param name="cancellationToken">Ends loading early; what was loaded is freed.</param>
    /// <exception cref="MemoryBudgetException">The budget is smaller than any with which the model runs.</exception>
    /// <exception cref="AcceleratorException">The device has not enough memory.</exception>
    /// <exception cref="CheckpointException">The weights cannot be read any more.</exception>
    public static LlamaModel Load(
        Checkpoint checkpoint,
        Accelerator accelerator,
        MemoryPlanRequest request,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(accelerator);
        ArgumentNullException.ThrowIfNull(request);
        var budget = new DeviceBudget(accelerator, request.BudgetBytes);
        return Load(ModelLayout.Of(checkpoint), budget, request, new CheckpointReader(checkpoint), progress, cancellationToken);
    }

    /// <summary>As the other, with a reader and a budget of the caller's.</summary>
    internal static LlamaModel Load(
        ModelLayout layout,
        DeviceBudget budget,
        MemoryPlanRequest request,
        IWeightReader reader,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        LlamaConfig config = layout.Config;
        var kernels = new KernelSet(budget.Accelerator);
        MemoryPlan plan = MemoryPlan.Create(layout, request.ForSession(kernels, budget.Accelerator, layout));
        var weights = new PlannedWeights(plan, budget, reader, budget.Accelerator.DefaultStream, progress, cancellationToken);
        return new LlamaModel(config, budget, plan, weights, kernels);
    }

    /// <summary>
    /// Brings streamed weights to the device, in the order and by the way of a token, and computes nothing: what streaming costs if kernels
    /// take no time. Not while a session computes.
    /// </summary>
    /// <param name="bytes">How much to bring at least; all that a token needs at most.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>Bytes that were brought; 0 where every weight is resident.</returns>
    /// <exception cref="CheckpointException">The weights cannot be read any more.</exception>
    public long StreamOnly(long bytes = long.MaxValue, CancellationToken cancellationToken = default) =>
        _weights.StreamOnly(bytes, cancellationToken);

    /// <summary>A new sequence.</summary>
    /// <param name="contextLength">Positions its KV cache has room for; at least 1.</param>
    /// <param name="options">How it is decoded; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The context is shorter than 1 or longer than the model was made for.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    /// <exception cref="AcceleratorException">The device has not enough memory.</exception>
    public DecoderSession CreateSession(int contextLength, DecoderSessionOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(contextLength, Config.MaxPositions);
        return new DecoderSession(this, contextLength, options ?? new());
    }

    /// <summary>Frees the weights, after copies under way have ended; sessions can no longer be used.</summary>
    public void Dispose() => _weights.Dispose();
}
