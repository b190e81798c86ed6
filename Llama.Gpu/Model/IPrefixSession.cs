namespace Llama.Gpu.Model;

/// <summary>A session that can take over keys and values from another of the same model, instead of computing them.</summary>
public interface IPrefixSession : IDecoderSession
{
    /// <summary>
    /// Copies what another session's cache holds, from this session's <see cref="IDecoderSession.Position"/> on. The tokens before it
    /// have to be the same in both: that is for the caller to know.
    /// </summary>
    /// <param name="source">Another session.</param>
    /// <param name="endPosition">Position behind the last that is copied, and then this session's; at most the source's position.</param>
    /// <returns>False, and nothing is done, where the source's cache is of another kind.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="endPosition"/> is before this session's position, behind the source's, or beyond the context.
    /// </exception>
    bool TryCopyPrefix(IDecoderSession source, int endPosition);
}
