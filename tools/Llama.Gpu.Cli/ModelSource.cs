using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Measurement;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli;

/// <summary>Models from folders on disk.</summary>
internal sealed class ModelSource : IModelSource
{
    private static readonly string[] TokenizerFiles = ["tokenizer.json", "tokenizer.model"];

    public Checkpoint OpenCheckpoint(string directory) => Checkpoint.Open(directory);

    public ITokenizer OpenTokenizer(string file) => Tokenizer.Open(file);

    public ITokenizer? FindTokenizer(string directory)
    {
        if (File.Exists(directory) && directory.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            return Tokenizer.Open(directory);
        }

        if (!Directory.Exists(directory))
        {
            throw new TokenizerException(directory, $"expected a model's folder, found {(File.Exists(directory) ? "a file" : "no such folder")}");
        }

        bool found = TokenizerFiles.Any(name => File.Exists(Path.Combine(directory, name))) || Directory.EnumerateFiles(directory, "*.gguf").Any();
        return found ? Tokenizer.Open(directory) : null;
    }

    public LoadedModel Load(string directory, DeviceChoice device, CancellationToken cancellationToken)
    {
        var opened = DeviceSelector.Open(device.Name);
        try
        {
            return new ModelOnDevice(opened, Checkpoint.Open(directory), device.BudgetBytes, cancellationToken);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    // weights are loaded with the first session, when it is known how much memory that takes
    private sealed class ModelOnDevice(OpenedDevice device, Checkpoint checkpoint, long? budget, CancellationToken cancellationToken)
        : LoadedModel
    {
        private LlamaModel? _model;

        public override LlamaConfig Config => checkpoint.Config;

        public override string Device => device.Name.ToString();

        public override long? PeakDeviceBytes => device.Accelerator.PeakAllocatedBytes;

        public override long StreamedBytesPerToken => _model?.Plan.StreamedBytesPerToken ?? 0;

        public override StreamingFigures? Streaming => _model is { Plan.Streams: true } ? _model.Streaming : null;

        public override KernelLoading? KernelLoading => device.Accelerator.KernelLoading;

        public override IDecoderSession CreateSession(int contextLength)
        {
            _model ??= LlamaModel.Load(
                checkpoint,
                device.Accelerator,
                new MemoryPlanRequest(budget ?? DeviceBudget.Available(device.Accelerator), contextLength),
                progress: null,
                cancellationToken);
            return _model.CreateSession(contextLength);
        }

        public override double? MeasureLink(CancellationToken cancellationToken) =>
            _model is null ? null : StreamingMeasurement.CopyBytesPerSecond(_model, cancellationToken);

        public override StreamingResult? MeasureStreaming(
            IDecoderSession session, int tokens, int rounds, CancellationToken cancellationToken)
        {
            if (_model is not { Plan.Streams: true } model)
            {
                return null;
            }

            int position = session.Position - tokens;
            using var other = DeviceSelector.Open(device.Name);
            using LlamaModel? whole = LoadResident(other.Accelerator, session.ContextLength, cancellationToken);
            using DecoderSession? resident = whole?.CreateSession(session.ContextLength);
            int[] ids = new int[position];
            resident?.Forward(ids, cancellationToken);
            return StreamingMeasurement.Run(model, session, resident, position, tokens, rounds, cancellationToken);
        }

        // the file has to stay in the page cache beside it
        private LlamaModel? LoadResident(Accelerator accelerator, int contextLength, CancellationToken cancellationToken)
        {
            long weights = CheckpointSummary.Of(checkpoint).TotalBytes;
            long available = DeviceBudget.Available(accelerator);
            return (LinkProbe.SharesMemory(accelerator) ? 2 * weights : weights) > available
                ? null
                : LlamaModel.Load(checkpoint, accelerator, new MemoryPlanRequest(available, contextLength), progress: null, cancellationToken);
        }

        public override void Dispose()
        {
            _model?.Dispose();
            checkpoint.Dispose();
            device.Dispose();
        }
    }
}
