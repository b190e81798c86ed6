namespace Llama.Gpu.Tokenization;

/// <summary>A token that is found in the text as it stands, before anything is split or merged.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">UTF-8, not empty.</param>
internal sealed record AddedToken(int Id, ReadOnlyMemory<byte> Content)
{
    /// <summary>Not text but a mark, read only where the caller asks for it.</summary>
    public bool Special { get; init; }

    /// <summary>Found only where no word character is next to it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Swallows the white space before it.</summary>
    public bool StripLeft { get; init; }

    /// <summary>Swallows the white space behind it.</summary>
    public bool StripRight { get; init; }
}
