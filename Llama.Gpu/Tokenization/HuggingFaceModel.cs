using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>Reads the <c>model</c> and <c>added_tokens</c> of a <c>tokenizer.json</c>: which tokens there are and how they merge.</summary>
internal sealed class HuggingFaceModel
{
    private readonly Dictionary<string, int> _ids; // by spelling, as in the file
    private readonly string?[] _spellings; // by id
    private readonly HashSet<int> _added = [];
    private readonly TokenIndex _index;
    private readonly ReadOnlyMemory<byte>[] _tokens;
    private readonly bool _ofCharacters;

    private HuggingFaceModel(JsonField root, bool ofCharacters)
    {
        _ofCharacters = ofCharacters;
        JsonField model = root.Required("model");
        CheckKind(model);
        JsonField vocabulary = model.Required("vocab");
        JsonField? added = root.Optional("added_tokens");

        int most = vocabulary.Count + (added?.Count ?? 0);
        _ids = new Dictionary<string, int>(vocabulary.Count, StringComparer.Ordinal);
        _spellings = new string?[most];
        _tokens = new ReadOnlyMemory<byte>[most];
        _index = new TokenIndex(vocabulary.Count, vocabulary.Count * 8);
        foreach ((string spelling, JsonField id) in vocabulary.Members())
        {
            AddVocabulary(spelling, id);
        }

        if (!ofCharacters)
        {
            _index.CopyTo(_tokens);
        }

        if (!ofCharacters && _index.MissingByte() is int missing)
        {
            throw vocabulary.Error($"no token for the byte 0x{missing:X2}: a byte-level vocabulary must have all 256");
        }

        AddedTokens = added is { } list ? [.. list.Items().Select(AddAddedToken)] : [];
        int gap = Array.IndexOf(_spellings, null);
        int count = gap < 0 ? most : gap;
        if (Array.FindIndex(_spellings, count, spelling => spelling is not null) is int beyond and >= 0)
        {
            throw root.Error($"there is a token {beyond} but none {gap}: ids must count up from 0");
        }

        Tokens = _tokens[..count];
        Merges = ReadMerges(model);
    }

    /// <summary>Every token's bytes, by id.</summary>
    public ReadOnlyMemory<byte>[] Tokens { get; }

    /// <summary>How bytes become tokens.</summary>
    public IMergeRules Merges { get; }

    /// <summary>The added tokens in the file's order, and whether each is looked for in normalized text.</summary>
    public (AddedToken Token, bool Normalized)[] AddedTokens { get; }

    /// <summary>Reads both from the file's root.</summary>
    /// <param name="root">The file's root.</param>
    /// <param name="ofCharacters">Whether the tokens are characters with marked spaces, rather than bytes spelled as letters.</param>
    public static HuggingFaceModel Read(JsonField root, bool ofCharacters) => new(root, ofCharacters);

    /// <summary>The id of the added token of a name, if there is one.</summary>
    public int? FindAdded(string name) =>
        AddedTokens.FirstOrDefault(added => _spellings[added.Token.Id] == name).Token?.Id;

    /// <summary>The added tokens' names with their ids.</summary>
    public IEnumerable<(string Name, int Id)> AddedNames() => AddedTokens.Select(added => (_spellings[added.Token.Id]!, added.Token.Id));

    // fuse_unk says whether unknown characters in a row are one token; SentencePiece's converters all set it
    private static void CheckKind(JsonField model)
    {
        if (model.Optional("type") is { } type && type.Text() != "BPE")
        {
            throw type.Error($"\"{type.Text()}\" is not supported; expected \"BPE\"");
        }

        if (model.Optional("dropout") is { } dropout && !dropout.IsZero())
        {
            throw dropout.Error("merges that are dropped at random are not supported; expected null");
        }

        foreach (string affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.Optional(affix) is { } text && text.Text().Length > 0)
            {
                throw text.Error($"\"{text.Text()}\" is not supported; expected null");
            }
        }
    }

    private void AddVocabulary(string spelling, JsonField id)
    {
        Place(spelling, id);
        if (_ofCharacters)
        {
            byte[] text = Encoding.UTF8.GetBytes(spelling);
            _index.TryAdd(text, id.Integer(), out _);
            _tokens[id.Integer()] = Metaspace.TryReadByte(text, out byte value) ? new[] { value } : Metaspace.Unescape(text);
            return;
        }

        byte[] bytes = new byte[spelling.Length];
        if (ByteLevelAlphabet.TryRead(spelling, bytes))
        {
            _index.TryAdd(bytes, id.Integer(), out _);
        }
        else
        {
            // spells no bytes, so that no text becomes this token; stands for itself, as Hugging Face decodes it
            _tokens[id.Integer()] = Encoding.UTF8.GetBytes(spelling);
        }
    }

    private (AddedToken Token, bool Normalized) AddAddedToken(JsonField item)
    {
        JsonField content = item.Required("content");
        JsonField id = item.Required("id");
        bool special = item.Required("special").Flag();
        string spelling = content.Text();
        if (!_ids.TryGetValue(spelling, out int present))
        {
            Place(spelling, id);
        }
        else if (present != id.Integer())
        {
            throw id.Error($"token \"{spelling}\" has id {present} already, found {id.Integer()}");
        }

        if (!_added.Add(id.Integer()))
        {
            throw id.Error($"token \"{spelling}\" is added twice");
        }

        byte[] bytes = Encoding.UTF8.GetBytes(spelling);
        _tokens[id.Integer()] = bytes;
        var token = new AddedToken(id.Integer(), bytes)
        {
            Special = special,
            SingleWord = item.Optional("single_word")?.Flag() ?? false,
            StripLeft = item.Optional("lstrip")?.Flag() ?? false,
            StripRight = item.Optional("rstrip")?.Flag() ?? false,
        };
        return (token, item.Optional("normalized")?.Flag() ?? !special);
    }

    private void Place(string spelling, JsonField id)
    {
        int number = id.Integer();
        if (spelling.Length is 0 or > BytePairVocabulary.LongestToken)
        {
            throw id.Error($"a token of {spelling.Length} characters; expected 1 to {BytePairVocabulary.LongestToken}");
        }

        if (number < 0 || number >= _spellings.Length)
        {
            throw id.Error($"id {number} is out of range: with {_spellings.Length} tokens ids count up from 0 to {_spellings.Length - 1} at most");
        }

        if (_spellings[number] is { } other)
        {
            throw id.Error($"id {number} is that of \"{other}\" already, found \"{spelling}\"");
        }

        _spellings[number] = spelling;
        _ids.Add(spelling, number);
    }

    private ListedMerges ReadMerges(JsonField model)
    {
        JsonField list = model.Required("merges");
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Id)>(list.Count);
        foreach (JsonField item in list.Items())
        {
            (string left, string right) = ReadPair(item);
            (int Left, int Right) pair = (IdOf(left, item), IdOf(right, item));
            if (!merges.TryAdd(pair, (merges.Count, IdOf(left + right, item))))
            {
                throw item.Error($"\"{left}\" and \"{right}\" merge already");
            }
        }

        bool ignoreMerges = model.Optional("ignore_merges")?.Flag() ?? false;
        return new ListedMerges(_index, merges, ignoreMerges, _ofCharacters ? ReadCharacters(model) : null);
    }

    private CharacterTokens ReadCharacters(JsonField model)
    {
        int[]? byteTokens = null;
        if (model.Optional("byte_fallback")?.Flag() ?? false)
        {
            byteTokens = new int[256];
            for (int value = 0; value < byteTokens.Length; value++)
            {
                byteTokens[value] = _ids.TryGetValue($"<0x{value:X2}>", out int id)
                    ? id
                    : throw model.Error($"no token for the byte 0x{value:X2}: with byte_fallback all 256 must be there");
            }
        }

        int? unknown = model.Optional("unk_token") is { } name
            ? _ids.TryGetValue(name.Text(), out int token) ? token : throw name.Error($"\"{name.Text()}\" is not in the vocabulary")
            : null;
        return byteTokens is null && unknown is null
            ? throw model.Error("neither byte_fallback nor unk_token: characters without a token would be lost")
            : new CharacterTokens(_index, byteTokens, unknown);
    }

    private int IdOf(string spelling, JsonField merge) =>
        _ids.TryGetValue(spelling, out int id) ? id : throw merge.Error($"\"{spelling}\" is not in the vocabulary");

    private static (string Left, string Right) ReadPair(JsonField item)
    {
        string[] parts = item.IsArray ? [.. item.Items().Select(part => part.Text())] : item.Text().Split(' ');
        return parts is [{ Length: > 0 } left, { Length: > 0 } right]
            ? (left, right)
            : throw item.Error("expected two tokens");
    }
}
