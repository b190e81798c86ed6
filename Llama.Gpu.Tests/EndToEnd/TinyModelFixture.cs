using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>Loads models/tiny once for all tests of a fixture.</summary>
public abstract class TinyModelFixture
{
    private protected Checkpoint TinyCheckpoint { get; private set; } = null!;

    private protected LlamaModel TinyModel { get; private set; } = null!;

    private protected ITokenizer TinyTokenizer { get; private set; } = null!;

    [OneTimeSetUp]
    public void Load()
    {
        TinyCheckpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        TinyModel = LlamaModel.Load(TinyCheckpoint, TestAccelerators.Sequential);
        TinyTokenizer = Tokenizer.Open(RepositoryFolder.TinyModel);
    }

    [OneTimeTearDown]
    public void Dispose()
    {
        TinyModel.Dispose();
        TinyCheckpoint.Dispose();
    }
}
