using System.Globalization;
using Llama.Gpu.Json;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A model in a GGUF file, as llama.cpp has it, or in several (<c>NAME-00001-of-0000N.gguf</c>), opened by the first: weights in F32, F16, BF16, or Q8_0, which is widened to f32 as it is read. The
/// rows of queries and keys are brought into Hugging Face's order (<see cref="RotaryLayout"/>).
/// </summary>
public sealed class GgufCheckpoint : StoredCheckpoint
{
    private const string LayerPrefix = "blk.";
    private const string Pattern = "*.gguf";

    private GgufCheckpoint(string path, TensorSet tensors)
        : base(tensors)
    {
        Directory = Path.GetDirectoryName(path) is { Length: > 0 } folder ? folder : ".";
        var file = GgufParts.Read(path, part => tensors.Own(MappedFile.Open(part)));
        Config = GgufConfig.Read(file);
        var found = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            var (name, rotary) = NameOf(tensor.Info.Name);
            var named = tensor with { Info = tensor.Info with { Name = name } };
            bool turns = rotary && tensor.Info.ByteLength > 0 && tensor.Info.Shape[0] % Config.HeadDim == 0;
            if (!found.TryAdd(name, turns ? RotaryLayout.ToHalved(named, Config.HeadDim) : named))
            {
                throw new CheckpointException(tensor.Info.File, "expected each tensor once, found it twice", StrictJson.OneLine(tensor.Info.Name));
            }
        }

        Stored.Take(Config, found, path, Path.GetFileName(path));
    }

    /// <inheritdoc/>
    public override string Directory { get; }

    /// <inheritdoc/>
    public override LlamaConfig Config { get; }

    /// <summary>Opens a file, or the only model in a folder, and checks all but the weights themselves.</summary>
    /// <exception cref="CheckpointException">A file that is malformed, or tensors that are not those of its metadata.</exception>
    public static new GgufCheckpoint Open(string path)
    {
        string file = System.IO.Directory.Exists(path) ? FindIn(path) : path;
        var tensors = new TensorSet(file);
        try
        {
            return new GgufCheckpoint(file, tensors);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>Whether a folder holds weights under a name of this format.</summary>
    internal static bool HasWeights(string directory) => System.IO.Directory.EnumerateFiles(directory, Pattern).Any();

    /// <summary>The only file of this format in a folder, or the first of several that are one model.</summary>
    /// <exception cref="CheckpointException">None, or several.</exception>
    internal static string FindIn(string directory)
    {
        string[] files = CheckpointFiles.Guard(directory, () => GgufParts.FindFirst(directory));
        return files is [var only]
            ? only
            : throw new CheckpointException(directory, $"expected one model in {Pattern} files in the folder, found {files.Length}; name the file itself");
    }

    // Hugging Face's name, or the name as it is where it is not known; and whether RoPE turns its rows
    private static (string Name, bool Rotary) NameOf(string name)
    {
        switch (name)
        {
            case "token_embd.weight":
                return (TensorNames.Embedding, false);
            case "output_norm.weight":
                return (TensorNames.FinalNorm, false);
            case "output.weight":
                return (TensorNames.OutputHead, false);
            case GgufConfig.RopeFactors: // follow from the configuration
                return ("model.rotary_emb.inv_freq", false);
        }

        int dot = name.StartsWith(LayerPrefix, StringComparison.Ordinal) ? name.IndexOf('.', LayerPrefix.Length) : -1;
        if (dot < 0 || !int.TryParse(name.AsSpan()[LayerPrefix.Length..dot], NumberStyles.None, CultureInfo.InvariantCulture, out int layer))
        {
            return (name, false);
        }

        var names = TensorNames.Layer(layer);
        return name[(dot + 1)..] switch
        {
            "attn_q.weight" => (names.QueryWeight, true),
            "attn_q.bias" => (names.QueryBias, true),
            "attn_k.weight" => (names.KeyWeight, true),
            "attn_k.bias" => (names.KeyBias, true),
            "attn_v.weight" => (names.ValueWeight, false),
            "attn_v.bias" => (names.ValueBias, false),
            "attn_output.weight" => (names.OutputWeight, false),
            "attn_output.bias" => (names.OutputBias, false),
            "ffn_gate.weight" => (names.GateWeight, false),
            "ffn_gate.bias" => (names.GateBias, false),
            "ffn_up.weight" => (names.UpWeight, false),
            "ffn_up.bias" => (names.UpBias, false),
            "ffn_down.weight" => (names.DownWeight, false),
            "ffn_down.bias" => (names.DownBias, false),
            "attn_norm.weight" => (names.AttentionNorm, false),
            "ffn_norm.weight" => (names.MlpNorm, false),
            _ => (name, false),
        };
    }
}
