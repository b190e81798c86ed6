namespace Llama.Gpu.Cli;

/// <summary>The command line was used in a way that it cannot be: exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
