using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Measurement;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli;

/// <summary>Where the verbs get models from; the tests put their own in its place.</summary>
internal interface IModelSource
{
    /// <summary>Opens a folder's checkpoint without loading it.</summary>
    Checkpoint OpenCheckpoint(string directory);

    /// <summary>Opens a tokenizer file.</summary>
    ITokenizer OpenTokenizer(string file);

    /// <summary>Opens a folder's tokenizer; null where there is no tokenizer file.</summary>
    ITokenizer? FindTokenizer(string directory);

    /// <summary>Opens a folder's model for a device.</summary>
    LoadedModel Load(string directory, DeviceChoice device, CancellationToken cancellationToken);
}

/// <summary>A model on a device.</summary>
internal abstract class LoadedModel : IDisposable
{
    public abstract LlamaConfig Config { get; }

    /// <summary>Name of the device it is on.</summary>
    public abstract string Device { get; }

    /// <summary>Most device memory in use at once so far; null where it is not counted.</summary>
    public abstract long? PeakDeviceBytes { get; }

    /// <summary>Weights that cross the link to the device for each token.</summary>
    public abstract long StreamedBytesPerToken { get; }

    /// <summary>What streaming has done so far; null where nothing is streamed.</summary>
    public virtual StreamingFigures? Streaming => null;

    /// <summary>What making its kernels ready has cost so far; null where it is not counted.</summary>
    public abstract KernelLoading? KernelLoading { get; }

    /// <summary>Bytes a second that streaming brings to the device while nothing is computed; null where nothing is streamed.</summary>
    public virtual double? MeasureLink(CancellationToken cancellationToken) => null;

    /// <summary>Times a token of a session beside what bounds it; null where nothing is streamed.</summary>
    /// <param name="session">One of this model's sessions, with its prompt computed.</param>
    /// <param name="tokens">Tokens in each round.</param>
    /// <param name="rounds">Number of rounds.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public virtual StreamingResult? MeasureStreaming(IDecoderSession session, int tokens, int rounds, CancellationToken cancellationToken) => null;

    /// <summary>A session; the first one is what the weights leave room for.</summary>
    public abstract IDecoderSession CreateSession(int contextLength);

    public abstract void Dispose();
}
