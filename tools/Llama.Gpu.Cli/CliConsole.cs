namespace Llama.Gpu.Cli;

/// <summary>What a verb reads and writes.</summary>
/// <param name="In">Standard input.</param>
/// <param name="Out">Results.</param>
/// <param name="Error">Diagnostics.</param>
/// <param name="Watched">Whether a person sits before it: only then is progress shown.</param>
internal sealed record CliConsole(TextReader In, TextWriter Out, TextWriter Error, bool Watched)
{
    /// <summary>Writes a line of diagnostics.</summary>
    public void Note(string message)
    {
        try
        {
            Error.WriteLine(message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // nobody is there to be told, and the exit code says it too
        }
    }
}
