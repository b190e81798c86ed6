using Llama.Gpu.Checkpoints;
using Llama.Gpu.Cli;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Generation;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>Gives every folder the same tokenizer and the same scripted session.</summary>
internal sealed class FakeModels(ITokenizer? tokenizer, FakeSession session) : IModelSource
{
    public const int MaxPositions = 50;

    /// <summary>Length of the context the verb asked for.</summary>
    public int? ContextLength { get; private set; }

    /// <summary>Positions the model is made for.</summary>
    public int Positions { get; init; } = MaxPositions;

    public DeviceName? Device { get; private set; }

    /// <summary>What --vram said.</summary>
    public long? BudgetBytes { get; private set; }

    public bool Disposed { get; private set; }

    public Checkpoint OpenCheckpoint(string directory) => throw new NotSupportedException();

    public ITokenizer OpenTokenizer(string file) => tokenizer ?? throw new TokenizerException(file, "there is none");

    public ITokenizer? FindTokenizer(string directory) => tokenizer;

    public LoadedModel Load(string directory, DeviceChoice device, CancellationToken cancellationToken)
    {
        Device = device.Name;
        BudgetBytes = device.BudgetBytes;
        return new FakeModel(this, session);
    }

    private sealed class FakeModel(FakeModels models, FakeSession session) : LoadedModel
    {
        public override LlamaConfig Config { get; } = SyntheticPresets.Get("tiny") with
        {
            VocabularySize = session.VocabularySize, MaxPositions = models.Positions, EndOfTextIds = [3],
        };

        public override string Device => "fake";

        public override long? PeakDeviceBytes => 12345;

        public override long StreamedBytesPerToken => 0;

        public override KernelLoading? KernelLoading => new KernelLoading(Compiled: 2, FromCache: 9, TimeSpan.FromMilliseconds(150));

        public override IDecoderSession CreateSession(int contextLength)
        {
            models.ContextLength = contextLength;
            return session;
        }

        public override void Dispose() => models.Disposed = true;
    }
}
