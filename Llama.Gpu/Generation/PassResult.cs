namespace Llama.Gpu.Generation;

/// <summary>What a pass leaves of one sequence.</summary>
/// <param name="Chosen">The next token, where the session chose it; the logits are then those of an earlier pass.</param>
/// <param name="Logits">Logits after the last token; valid until the session's next call.</param>
internal readonly record struct PassResult(int? Chosen, ReadOnlyMemory<float> Logits);
