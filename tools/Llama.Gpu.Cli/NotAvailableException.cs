namespace Llama.Gpu.Cli;

/// <summary>Something that the command line knows and this build does not do yet.</summary>
internal sealed class NotAvailableException(string message) : LlamaException(message);
