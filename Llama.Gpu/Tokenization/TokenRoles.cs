using System.Globalization;
using System.Text;

namespace Llama.Gpu.Tokenization;

/// <summary>
/// What <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> say beside a tokenizer: which token begins a text and which
/// ends one, and tokens that were added after training.
/// </summary>
internal sealed class TokenRoles
{
    private const string ConfigFile = "tokenizer_config.json";
    private const string MapFile = "special_tokens_map.json";

    private readonly List<(int Id, string Content, bool Special)> _added = [];

    /// <summary>No files, and so nothing said.</summary>
    public static TokenRoles None { get; } = new();

    /// <summary>Name of the token that begins a text.</summary>
    public string? BeginName { get; internal set; }

    /// <summary>Name of the token that ends a text.</summary>
    public string? EndName { get; internal set; }

    /// <summary>Reads the files in a folder, where they are there; the configuration goes before the map.</summary>
    /// <exception cref="TokenizerException">A file that is no JSON, or a field of the wrong type.</exception>
    public static TokenRoles Read(string folder)
    {
        var roles = new TokenRoles();
        foreach (string name in new[] { ConfigFile, MapFile })
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
            {
                JsonField.Read(TokenizerFile.Read(path), path, root => roles.Take(root));
            }
        }

        return roles;
    }

    /// <summary>Reads one such file's bytes.</summary>
    /// <exception cref="TokenizerException">No JSON, or a field of the wrong type.</exception>
    public static TokenRoles Parse(byte[] json, string file)
    {
        var roles = new TokenRoles();
        JsonField.Read(json, file, roles.Take);
        return roles;
    }

    /// <summary>Adds the tokens that are not in the vocabulary.</summary>
    /// <param name="tokens">Each id's bytes; grows.</param>
    /// <param name="marks">The tokens found before all else; grows.</param>
    /// <param name="names">The names that are taken; grows.</param>
    /// <param name="file">Name of the tokenizer's file, for errors.</param>
    public void AddTo(List<ReadOnlyMemory<byte>> tokens, List<AddedToken> marks, HashSet<string> names, string file)
    {
        foreach (var (id, content, special) in _added.OrderBy(token => token.Id))
        {
            if (!names.Add(content))
            {
                continue;
            }

            if (id != tokens.Count)
            {
                throw new TokenizerException(
                    file, $"{ConfigFile} adds token {id}, expected {tokens.Count}: ids must go on from those of the vocabulary", content);
            }

            byte[] bytes = Encoding.UTF8.GetBytes(content);
            tokens.Add(bytes);
            marks.Add(new AddedToken(id, bytes) { Special = special });
        }
    }

    /// <summary>The token that begins a text, where the files name one.</summary>
    public int? Begin(IReadOnlyList<ReadOnlyMemory<byte>> tokens, IEnumerable<AddedToken> marks) => Find(BeginName, tokens, marks);

    /// <summary>The tokens that end a text: those of the tokenizer itself, and the one that the files name.</summary>
    public IEnumerable<int> Ends(IReadOnlyList<ReadOnlyMemory<byte>> tokens, IEnumerable<AddedToken> marks, IEnumerable<int> own) =>
        Find(EndName, tokens, marks) is int end ? own.Append(end).Distinct() : own;

    private static int? Find(string? name, IReadOnlyList<ReadOnlyMemory<byte>> tokens, IEnumerable<AddedToken> marks)
    {
        if (name is null)
        {
            return null;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return marks.Where(mark => tokens[mark.Id].Span.SequenceEqual(bytes)).Select(mark => (int?)mark.Id).FirstOrDefault();
    }

    // a name, or an object with the name as its content
    private static string? Name(JsonField? field) =>
        field is not { } value ? null : value.IsString ? value.Text() : value.Required("content").Text();

    private bool Take(JsonField root)
    {
        BeginName ??= Name(root.Optional("bos_token"));
        EndName ??= Name(root.Optional("eos_token"));
        if (root.Optional("added_tokens_decoder") is { } added)
        {
            foreach (var (number, token) in added.Members())
            {
                JsonField content = token.Required("content");
                if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || content.Text().Length == 0)
                {
                    throw content.Error("expected a number as key and a name that is not empty");
                }

                _added.Add((id, content.Text(), token.Optional("special")?.Flag() ?? false));
            }
        }

        return true;
    }
}
