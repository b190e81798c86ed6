namespace Llama.Gpu.Generation;

/// <summary>Logits that no token can be chosen from: the message names the token id and the value found.</summary>
public sealed class SamplingException(string message) : LlamaException(message);
