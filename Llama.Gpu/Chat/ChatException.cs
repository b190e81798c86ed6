namespace Llama.Gpu.Chat;

/// <summary>A conversation that a prompt format cannot express; the message says what was expected and what was found.</summary>
public sealed class ChatException(string message) : LlamaException(message);
