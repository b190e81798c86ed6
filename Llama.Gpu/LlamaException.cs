namespace Llama.Gpu;

/// <summary>
/// Base of every error this library reports about what it was given (a file, a field, an argument) or about the device.
/// The message is one line that names what is at fault, what was expected and what was found.
/// </summary>
public abstract class LlamaException(string message, Exception? inner = null) : Exception(message, inner);
