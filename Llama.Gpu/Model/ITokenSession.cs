namespace Llama.Gpu.Model;

/// <summary>A session that can choose the next token where its logits are, so that the id is all that comes back.</summary>
public interface ITokenSession : IDecoderSession
{
    /// <summary>Appends tokens, as <see cref="IDecoderSession.Forward"/>, and chooses the next one.</summary>
    /// <param name="tokens">At least one token id.</param>
    /// <param name="choice">How, with options within their ranges.</param>
    /// <param name="logits">
    /// Empty where the session has chosen; else the logits after the last token, for the caller to choose from or to report.
    /// </param>
    /// <param name="cancellationToken">Checked between layers; when it fires, the session stands where it stood before the call.</param>
    /// <returns>The id, which is not appended yet; null where the session does not choose, or no logit is a finite largest one.</returns>
    /// <exception cref="ContextOverflowException">The tokens do not fit into the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No token, or an id outside the vocabulary.</exception>
    int? ForwardAndChoose(
        ReadOnlySpan<int> tokens, TokenChoice choice, out ReadOnlySpan<float> logits, CancellationToken cancellationToken = default);
}
