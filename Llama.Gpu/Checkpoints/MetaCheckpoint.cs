using System.Globalization;
using Llama.Gpu.Json;
using Llama.Gpu.Model;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A checkpoint as Meta publishes it: <c>params.json</c> and <c>consolidated.00.pth</c> to <c>consolidated.NN.pth</c>, each with a
/// part of every matrix. The parts are joined as they are read, and the rows of queries and keys brought into Hugging Face's
/// order (<see cref="RotaryLayout"/>); nothing is held in memory.
/// </summary>
public sealed class MetaCheckpoint : StoredCheckpoint
{
    private const string TokenizerFile = "tokenizer.model";
    private const string ShardPattern = "consolidated.*.pth";
    private const int MaxParamsLength = 1 << 20;

    private MetaCheckpoint(string directory, TensorSet tensors)
        : base(tensors)
    {
        Directory = directory;
        string[] paths = Shards(directory);
        var shards = Array.ConvertAll(paths, OpenShard);
        bool tied = shards.All(HeadIsEmbedding);
        string file = Path.Combine(directory, MetaParams.FileName);
        ITokenizer? tokenizer = null;
        Config = MetaParams.Parse(
            CheckpointFiles.ReadAll(file, MaxParamsLength),
            file,
            hidden => (tokenizer = FindTokenizer(directory))?.VocabularySize ?? VocabularySize(shards, hidden, file),
            tied);
        if (tokenizer is not null)
        {
            Config = Config with { BeginOfTextId = tokenizer.BeginOfTextId, EndOfTextIds = [.. tokenizer.EndOfTextIds] };
        }

        var found = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (string name in shards[0].Keys)
        {
            var tensor = Join(name, shards, paths);
            found.Add(tensor.Info.Name, tensor);
        }

        Stored.Take(Config, found, paths[0], MetaParams.FileName);
        Config = Config with { DeclaredType = Tensors[TensorNames.Embedding].Type };
    }

    /// <inheritdoc/>
    public override string Directory { get; }

    /// <inheritdoc/>
    public override LlamaConfig Config { get; }

    /// <summary>Opens the checkpoint in a folder and checks all but the weights themselves.</summary>
    /// <exception cref="CheckpointException">A file that is missing or malformed, or tensors that are not those of the configuration.</exception>
    public static new MetaCheckpoint Open(string directory)
    {
        var tensors = new TensorSet(directory);
        try
        {
            return new MetaCheckpoint(directory, tensors);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>Whether a folder holds weights under a name of this format.</summary>
    internal static bool HasWeights(string directory) => System.IO.Directory.EnumerateFiles(directory, ShardPattern).Any();

    private static string[] Shards(string directory)
    {
        string[] paths = CheckpointFiles.Guard(
            directory, () => System.IO.Directory.GetFiles(directory, ShardPattern).Order(StringComparer.Ordinal).ToArray());
        for (int i = 0; i < Math.Max(paths.Length, 1); i++)
        {
            string expected = string.Create(CultureInfo.InvariantCulture, $"consolidated.{i:D2}.pth");
            if (i >= paths.Length || Path.GetFileName(paths[i]) != expected)
            {
                throw new CheckpointException(
                    directory, $"expected {expected}, found {(i < paths.Length ? Path.GetFileName(paths[i]) : "none")}");
            }
        }

        return paths;
    }

    // Meta's downloads of Llama 1 and 2 have one tokenizer beside the folders of all models.
    private static ITokenizer? FindTokenizer(string directory)
    {
        string[] places = [directory, Path.GetDirectoryName(Path.GetFullPath(directory)) ?? directory];
        string? path = places.Select(place => Path.Combine(place, TokenizerFile)).FirstOrDefault(File.Exists);
        try
        {
            return path is null ? null : Tokenizer.Open(path);
        }
        catch (TokenizerException error)
        {
            throw new CheckpointException(path!, $"cannot tell the size of the vocabulary, which params.json leaves open: {error.Message}", inner: error);
        }
    }

    // the embedding is divided by columns where they are less than the model's width
    private static int VocabularySize(Dictionary<string, StoredTensor>[] shards, int hidden, string file)
    {
        if (!shards[0].TryGetValue("tok_embeddings.weight", out var embedding) || embedding.Info.Shape.Length != 2)
        {
            throw new CheckpointException(file, $"expected a number, a {TokenizerFile} or an embedding to count, found none", "vocab_size");
        }

        long size = embedding.Info.Shape[0] * (embedding.Info.Shape[1] == hidden ? shards.Length : 1);
        return size is > 0 and <= HuggingFaceConfig.LargestVocabulary
            ? (int)size
            : throw new CheckpointException(file, $"expected at most {HuggingFaceConfig.LargestVocabulary} tokens, found an embedding of {size}", "vocab_size");
    }

    private static bool HeadIsEmbedding(Dictionary<string, StoredTensor> shard) =>
        !shard.TryGetValue("output.weight", out var head)
        || (shard.TryGetValue("tok_embeddings.weight", out var embedding) && head.Info.Offset == embedding.Info.Offset
            && head.Info.Shape.SequenceEqual(embedding.Info.Shape));

    private Dictionary<string, StoredTensor> OpenShard(string path) =>
        Stored.Own(PyTorchFile.Open(path)).Tensors.ToDictionary(tensor => tensor.Info.Name, StringComparer.Ordinal);

    private StoredTensor Join(string name, Dictionary<string, StoredTensor>[] shards, string[] paths)
    {
        var first = shards[0][name];
        var parts = new StoredTensor[shards.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!shards[i].TryGetValue(name, out var part) || part.Info.Type != first.Info.Type || !part.Info.Shape.SequenceEqual(first.Info.Shape))
            {
                throw new CheckpointException(
                    paths[i],
                    $"expected a part of type {first.Info.Type} and shape {TensorShape.Format(first.Info.Shape)} as in {Path.GetFileName(paths[0])}, "
                    + $"found {(part is null ? "none" : $"{part.Info.Type} {TensorShape.Format(part.Info.Shape)}")}",
                    StrictJson.OneLine(name));
            }

            parts[i] = part;
        }

        var meta = MetaTensorName.Of(name);
        var joined = Join(meta.Axis, parts, Config.HiddenSize);
        joined = joined with { Info = joined.Info with { Name = meta.Name } };
        return meta.Rotary && joined.Info is { Shape.Length: 2, ByteLength: > 0 } && joined.Info.Shape[0] % Config.HeadDim == 0
            ? RotaryLayout.ToHalved(joined, Config.HeadDim)
            : joined;
    }

    private static StoredTensor Join(ShardAxis axis, StoredTensor[] parts, int hidden)
    {
        var first = parts[0];
        var shape = first.Info.Shape;
        if (parts.Length == 1 || axis == ShardAxis.None || shape.Length != 2 || first.Info.ByteLength == 0)
        {
            return first;
        }

        if (axis == ShardAxis.RowsOrColumns)
        {
            axis = shape[1] == hidden ? ShardAxis.Rows : ShardAxis.Columns;
        }

        TensorContent content = axis == ShardAxis.Rows
            ? new StackedContent(Array.ConvertAll(parts, part => (part.Content, part.Info.ByteLength)))
            : new SideBySideContent(Array.ConvertAll(parts, part => part.Content), first.Info.ByteLength / shape[0]);
        int dimension = axis == ShardAxis.Rows ? 0 : 1;
        var info = first.Info with
        {
            Shape = shape.SetItem(dimension, shape[dimension] * parts.Length),
            ByteLength = first.Info.ByteLength * parts.Length,
        };
        return new StoredTensor(info, content);
    }
}
