using System.Text.Json;
using Llama.Gpu.Cli;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>A command line that ran in this process.</summary>
internal sealed record CommandLineRun(int Code, string Out, string Error)
{
    /// <summary>The lines of standard error.</summary>
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Task<CommandLineRun> Of(IModelSource models, params string[] args) => With(models, string.Empty, default, args);

    public static async Task<CommandLineRun> With(
        IModelSource models, string input, CancellationToken cancellationToken, params string[] args)
    {
        using var reader = new StringReader(input);
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var console = new CliConsole(reader, output, error, Watched: false);
        int code = await CommandLineProgram.RunAsync(args, console, models, cancellationToken);
        return new CommandLineRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Each line of standard output as JSON.</summary>
    public JsonElement[] JsonLines() =>
        [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Standard output as one JSON object on one line.</summary>
    public JsonElement Json()
    {
        Assert.That(Code, Is.Zero, Error);
        var lines = JsonLines();
        Assert.That(lines, Has.Length.EqualTo(1));
        return lines[0];
    }
}
