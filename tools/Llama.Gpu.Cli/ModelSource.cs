using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
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

    public LoadedModel Load(string directory, DeviceName device, CancellationToken cancellationToken)
    {
        var opened = DeviceSelector.Open(device);
        try
        {
            using var checkpoint = Checkpoint.Open(directory);
            return new ModelOnDevice(opened, LlamaModel.Load(checkpoint, opened.Accelerator, progress: null, cancellationToken));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private sealed class ModelOnDevice(OpenedDevice device, LlamaModel model) : LoadedModel
    {
        public override LlamaConfig Config => model.Config;

        public override string Device => device.Name.ToString();

        public override long? PeakDeviceBytes => device.Accelerator.PeakAllocatedBytes;

        // every weight is resident
        public override long StreamedBytesPerToken => 0;

        public override KernelLoading? KernelLoading => device.Accelerator.KernelLoading;

        public override IDecoderSession CreateSession(int contextLength) => model.CreateSession(contextLength);

        public override void Dispose()
        {
            model.Dispose();
            device.Dispose();
        }
    }
}
