using System.Text;

namespace Llama.Gpu.Cli.Output;

/// <summary>A page of text in UTF-8, whole or not at all (<see cref="WholeFile"/>); the file is opened before the work that fills it.</summary>
/// <param name="path">The file; one that is there is replaced.</param>
internal sealed class ReportFile(string path) : IDisposable
{
    private readonly WholeFile _file = new(path);

    /// <summary>Opens the file of an option; null where it is not given.</summary>
    public static ReportFile? Open(string? path) => path is null ? null : new(path);

    /// <summary>Writes the page and gives the file its name.</summary>
    public void Write(Action<TextWriter> write)
    {
        using (var writer = new StreamWriter(_file.Stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true))
        {
            write(writer);
        }

        _file.Complete();
    }

    public void Dispose() => _file.Dispose();
}
