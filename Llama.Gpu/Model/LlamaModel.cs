using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Model;

/// <summary>
/// A model on a device: one set of weights from which any number of sequences are decoded, each with a
/// <see cref="DecoderSession"/> of its own. Sessions of one model are not for use at the same time.
/// </summary>
public sealed class LlamaModel : IDisposable
{
    private readonly WeightLoader _loader;

    private LlamaModel(LlamaConfig config, Accelerator accelerator, WeightLoader loader, LlamaWeights weights)
    {
        Config = config;
        Accelerator = accelerator;
        Weights = weights;
        _loader = loader;
        Kernels = new KernelSet(accelerator);
    }

    /// <summary>Shape and constants of the model.</summary>
    public LlamaConfig Config { get; }

    /// <summary>Where it runs.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>The weights on the device.</summary>
    public LlamaWeights Weights { get; }

    internal KernelSet Kernels { get; }

    /// <summary>Copies every weight onto the device, in the checkpoint's own types. The checkpoint may be disposed afterwards.</summary>
    /// <param name="checkpoint">An opened checkpoint.</param>
    /// <param name="accelerator">Where the model will run; outlives the model.</param>
    /// <param name="progress">Told the bytes of each piece that has been copied.</param>
    /// <param name="cancellationToken">Ends loading early; what was loaded is freed.</param>
    /// <exception cref="AcceleratorException">The device has not enough memory.</exception>
    public static LlamaModel Load(
        Checkpoint checkpoint, Accelerator accelerator, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(accelerator);
        var loader = new WeightLoader(checkpoint, accelerator);
        try
        {
            return new LlamaModel(checkpoint.Config, accelerator, loader, loader.Load(progress, cancellationToken));
        }
        catch
        {
            loader.Dispose();
            throw;
        }
    }

    /// <summary>A new sequence.</summary>
    /// <param name="contextLength">Positions its KV cache has room for; at least 1.</param>
    /// <param name="options">How it is decoded; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The context is shorter than 1 or longer than the model was made for.</exception>
    /// <exception cref="AcceleratorException">The device has not enough memory.</exception>
    public DecoderSession CreateSession(int contextLength, DecoderSessionOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(contextLength, Config.MaxPositions);
        return new DecoderSession(this, contextLength, options ?? new());
    }

    /// <summary>Frees the weights; sessions can no longer be used.</summary>
    public void Dispose() => _loader.Dispose();
}
