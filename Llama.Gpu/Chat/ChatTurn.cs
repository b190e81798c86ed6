using System.Collections.Immutable;
using Llama.Gpu.Generation;

namespace Llama.Gpu.Chat;

/// <summary>A part of an answer, as it comes.</summary>
/// <param name="Text">Text that is now complete; may be empty.</param>
/// <param name="Turn">The whole turn, on the last piece only.</param>
public sealed record ChatPiece(string Text, ChatTurn? Turn);

/// <summary>A question and its answer.</summary>
/// <param name="Question">The user's message.</param>
/// <param name="Answer">The model's message.</param>
/// <param name="Generation">
/// How the answer came about. Its prompt is the conversation as the model saw it; <see cref="GenerationResult.ReusedTokens"/> says
/// how much of that was not computed again.
/// </param>
/// <param name="Dropped">
/// Messages that the model no longer sees from this turn on, because the context has no room for them; the oldest first.
/// </param>
public sealed record ChatTurn(Message Question, Message Answer, GenerationResult Generation, ImmutableArray<Message> Dropped);
