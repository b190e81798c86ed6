namespace Llama.Gpu.Bench.Comparison;

/// <summary>A file of results that cannot be compared: the message names the file, the line, what was expected and what was found.</summary>
public sealed class ComparisonException(string file, int line, string problem, Exception? inner = null)
    : LlamaException($"{file}, line {line}: {problem}", inner);
