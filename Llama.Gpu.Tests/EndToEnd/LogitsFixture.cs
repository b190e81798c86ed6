using System.Runtime.InteropServices;
using System.Text.Json;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;

namespace Llama.Gpu.Tests.EndToEnd;

/// <summary>A small checkpoint with the logits that PyTorch computes for it in float32; made by tools/tiny-model/make_fixtures.py.</summary>
/// <param name="Folder">The checkpoint.</param>
/// <param name="Tokens">The sequence.</param>
/// <param name="Logits">(tokens, vocabulary).</param>
internal sealed record LogitsFixture(string Folder, int[] Tokens, float[] Logits)
{
    /// <summary>The fixtures: GQA with llama3 scaling and a head of its own; MHA, tied; MQA with biases and linear scaling.</summary>
    public static readonly string[] Names = ["gqa-scaled-untied", "mha-tied", "mqa-biased-linear"];

    public static LogitsFixture Load(string name)
    {
        string folder = Path.Combine(RepositoryFolder.Fixtures("EndToEnd"), name);
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        int[] tokens = [.. expected.RootElement.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())];
        byte[] logits = File.ReadAllBytes(Path.Combine(folder, "logits.f32"));
        return new(folder, tokens, MemoryMarshal.Cast<byte, float>(logits).ToArray());
    }

    public Checkpoint Open() => Checkpoint.Open(Folder);
}
