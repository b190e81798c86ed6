namespace Llama.Gpu.Tokenization;

/// <summary>
/// Llama 3's special tokens. They are not in the tiktoken file: 256 of them follow its ranks (from 128000 on in the published
/// vocabulary). Names as Llama 3.1 and 3.2 have them, which gave three of Llama 3's reserved ones a use.
/// </summary>
internal static class Llama3SpecialTokens
{
    /// <summary>How many there are.</summary>
    public const int Count = 256;

    /// <summary>Begins a text.</summary>
    public const string BeginOfText = "<|begin_of_text|>";

    /// <summary>Ends a text.</summary>
    public const string EndOfText = "<|end_of_text|>";

    /// <summary>Ends a message that awaits a tool's answer.</summary>
    public const string EndOfMessage = "<|eom_id|>";

    /// <summary>Ends a turn.</summary>
    public const string EndOfTurn = "<|eot_id|>";

    /// <summary>Every name in order of id.</summary>
    public static IEnumerable<string> Names()
    {
        int reserved = 0;
        for (int i = 0; i < Count; i++)
        {
            yield return i switch
            {
                0 => BeginOfText,
                1 => EndOfText,
                4 => "<|finetune_right_pad_id|>",
                6 => "<|start_header_id|>",
                7 => "<|end_header_id|>",
                8 => EndOfMessage,
                9 => EndOfTurn,
                10 => "<|python_tag|>",
                _ => $"<|reserved_special_token_{reserved++}|>",
            };
        }
    }

    /// <summary>Whether a name is that of a token that ends a text or a turn, in Llama's tokenizers or in others of their kind.</summary>
    public static bool EndsText(string name) => name is EndOfText or EndOfTurn or EndOfMessage or "</s>" or "<|endoftext|>";
}
