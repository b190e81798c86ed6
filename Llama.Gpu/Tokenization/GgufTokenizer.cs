using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// The tokenizer inside a GGUF file: SentencePiece's (model <c>llama</c>) as pieces with scores, or a byte-level one (model
/// <c>gpt2</c>) as tokens and merges, which is read as the <c>tokenizer.json</c> that it was made from.
/// </summary>
internal static class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";

    /// <summary>Reads the tokenizer of a file.</summary>
    /// <exception cref="TokenizerException">The file cannot be read, has no tokenizer, or one that cannot be used.</exception>
    public static ITokenizer Load(string path)
    {
        try
        {
            using var mapped = MappedFile.Open(path);
            return Read(mapped);
        }
        catch (CheckpointException error)
        {
            throw TokenizerError(error);
        }
    }

    /// <summary>Reads the tokenizer of a file's bytes.</summary>
    /// <exception cref="TokenizerException">It has no tokenizer, or one that cannot be used.</exception>
    public static ITokenizer Read(IByteSource file)
    {
        try
        {
            return Create(GgufFile.Read(file));
        }
        catch (CheckpointException error)
        {
            throw TokenizerError(error);
        }
    }

    private static TokenizerException TokenizerError(CheckpointException error) =>
        new(error.File, error.Message[(error.File.Length + 2)..], inner: error);

    private static ITokenizer Create(GgufFile file)
    {
        string[] tokens = file.Optional<string[]>(Prefix + "tokens") ?? throw file.Error(Prefix + "tokens", "expected the tokens, found none");
        long[] types = file.Optional<long[]>(Prefix + "token_type") ?? [.. Enumerable.Repeat((long)PieceType.Normal, tokens.Length)];
        if (types.Length != tokens.Length)
        {
            throw file.Error(Prefix + "token_type", $"expected {tokens.Length} types, found {types.Length}");
        }

        return file.Optional<string>(Prefix + "model") switch
        {
            "llama" => OfPieces(file, tokens, types),
            "gpt2" => OfBytes(file, tokens, types),
            var other => throw file.Error(Prefix + "model", $"expected llama or gpt2, found {other ?? "none"}"),
        };
    }

    private static SentencePieceTokenizer OfPieces(GgufFile file, string[] tokens, long[] types)
    {
        double[] scores = file.Optional<double[]>(Prefix + "scores") ?? [];
        if (scores.Length != tokens.Length)
        {
            throw file.Error(Prefix + "scores", $"expected {tokens.Length} scores, found {scores.Length}");
        }

        var model = new SentencePieceModel
        {
            Pieces = [.. tokens.Select((token, id) => new Piece(Encoding.UTF8.GetBytes(token), (float)scores[id], (PieceType)(int)types[id]))],
            AddDummyPrefix = file.OptionalFlag(Prefix + "add_space_prefix") ?? true,
            BeginOfTextId = Id(file, "bos", tokens.Length),
            EndOfTextId = Id(file, "eos", tokens.Length),
        };
        return SentencePieceTokenizer.Create(model, TokenRoles.None, file.Path);
    }

    private static HuggingFaceTokenizer OfBytes(GgufFile file, string[] tokens, long[] types)
    {
        string kind = file.Optional<string>(Prefix + "pre") ?? "default";
        string pattern = kind switch
        {
            "llama-bpe" or "llama3" or "llama-v3" => Llama3Scanner.Pattern,
            "gpt-2" or "default" => Gpt2Scanner.Pattern,
            _ => throw file.Error(Prefix + "pre", $"expected llama-bpe or gpt-2, found {kind}, which is not supported"),
        };
        var vocabulary = new JsonObject();
        var added = new JsonArray();
        for (int id = 0; id < tokens.Length; id++)
        {
            if (types[id] == (long)PieceType.Normal)
            {
                if (!vocabulary.TryAdd(tokens[id], id))
                {
                    throw file.Error(Prefix + "tokens", $"expected each token once, found {id} twice");
                }

                continue;
            }

            // only what users define is found in every text; padding of the vocabulary is in none
            added.Add(new JsonObject { ["id"] = id, ["content"] = tokens[id], ["special"] = types[id] != (long)PieceType.UserDefined });
        }

        string[] merges = file.Optional<string[]>(Prefix + "merges") ?? throw file.Error(Prefix + "merges", "expected the merges, found none");
        var root = new JsonObject
        {
            ["added_tokens"] = added,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated" },
                    new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
            },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["ignore_merges"] = pattern == Llama3Scanner.Pattern,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]),
            },
        };
        string? Name(string role) => Id(file, role, tokens.Length) is int id ? tokens[id] : null;
        return HuggingFaceTokenizer.Parse(
            Encoding.UTF8.GetBytes(root.ToJsonString()), file.Path, new TokenRoles { BeginName = Name("bos"), EndName = Name("eos") });
    }

    private static int? Id(GgufFile file, string role, int count) => file.OptionalInteger($"{Prefix}{role}_token_id", 0, count - 1);
}
