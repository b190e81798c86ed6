using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Llama.Gpu.Json;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Chat;

/// <summary>The prompt formats by name, and which of them a checkpoint was trained with.</summary>
public static class ChatFormats
{
    private const string TokenizerConfig = "tokenizer_config.json";
    private const string TemplateFile = "chat_template.jinja";

    /// <summary>Names of the formats.</summary>
    public static ImmutableArray<string> Names { get; } = ["llama3", "llama2", "alpaca", "plain"];

    /// <summary>The format of a name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="tokenizer">What encodes the messages.</param>
    /// <exception cref="ChatException">There is no such format, or the tokenizer lacks the tokens that it needs.</exception>
    public static ChatFormat Get(string name, ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return name switch
        {
            "llama3" => new Llama3ChatFormat(tokenizer),
            "llama2" => new Llama2ChatFormat(tokenizer),
            "alpaca" => new AlpacaChatFormat(tokenizer),
            "plain" => new PlainChatFormat(tokenizer),
            _ => throw new ChatException($"prompt format: expected {string.Join(", ", Names)}, found '{name}'"),
        };
    }

    /// <summary>
    /// The format that a checkpoint asks for. First its chat template decides (of <c>tokenizer_config.json</c> or
    /// <c>chat_template.jinja</c>), which is not carried out, but has the marks of one of the formats in it; then whether the
    /// tokenizer has Llama 3's header tokens; then the folder's name, since nothing else tells Meta's own Llama 2 chat models and
    /// Alpaca from base models: <c>alpaca</c>, or <c>chat</c> for Llama 2. Plain completion is what is left.
    /// </summary>
    /// <param name="directory">The checkpoint's folder.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <exception cref="TokenizerException">The folder's <c>tokenizer_config.json</c> cannot be read.</exception>
    public static ChatFormat Choose(string directory, ITokenizer tokenizer)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(tokenizer);
        string template = ReadTemplate(directory);
        bool fitsLlama3 = Llama3ChatFormat.Fits(tokenizer);
        string folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        string name = template.Contains("<|start_header_id|>", StringComparison.Ordinal) && fitsLlama3 ? "llama3"
            : template.Contains("[INST]", StringComparison.Ordinal) ? "llama2"
            : template.Contains("### Instruction:", StringComparison.Ordinal) ? "alpaca"
            : fitsLlama3 ? "llama3"
            : folder.Contains("alpaca", StringComparison.OrdinalIgnoreCase) ? "alpaca"
            : folder.Contains("chat", StringComparison.OrdinalIgnoreCase) ? "llama2"
            : "plain";
        return Get(name, tokenizer);
    }

    private static string ReadTemplate(string directory)
    {
        string file = Path.Combine(directory, TemplateFile);
        if (File.Exists(file))
        {
            return Encoding.UTF8.GetString(TokenizerFile.Read(file));
        }

        file = Path.Combine(directory, TokenizerConfig);
        if (!File.Exists(file))
        {
            return string.Empty;
        }

        byte[] json = TokenizerFile.Read(file);
        using var config = StrictJson.ParseObject(json, (problem, subject, inner) => new TokenizerException(file, problem, subject, inner));
        if (!config.RootElement.TryGetProperty("chat_template", out var template))
        {
            return string.Empty;
        }

        // either the template, or a list of them with names
        return template.ValueKind == JsonValueKind.Array
            ? string.Concat(template.EnumerateArray()
                .Where(entry => entry.ValueKind == JsonValueKind.Object)
                .Select(entry => entry.TryGetProperty("template", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : ""))
            : template.ValueKind == JsonValueKind.String ? template.GetString()! : string.Empty;
    }
}
