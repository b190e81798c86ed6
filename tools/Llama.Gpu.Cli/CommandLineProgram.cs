using System.CommandLine;
using System.CommandLine.Invocation;
using Llama.Gpu.Cli.Commands;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Cli;

/// <summary>The command line as a whole: its verbs, and how what goes wrong becomes an exit code and one line.</summary>
internal static class CommandLineProgram
{
    // set to anything, it adds the stack trace of an error
    private const string TraceVariable = "LLAMA_GPU_TRACE";

    /// <summary>Runs a command line; see <see cref="ExitCode"/>.</summary>
    /// <param name="args">Arguments without the program's name.</param>
    /// <param name="console">Where it reads and writes.</param>
    /// <param name="models">Where models come from.</param>
    /// <param name="cancellationToken">Fires on Ctrl-C.</param>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> args, CliConsole console, IModelSource models, CancellationToken cancellationToken)
    {
        int code = await RunUnflushedAsync(args, console, models, cancellationToken).ConfigureAwait(false);
        try
        {
            await console.Out.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            return code;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (code == ExitCode.Success)
            {
                Report(exception, console);
                return ExitCode.Error;
            }

            // what went wrong before is said already
            return code;
        }
    }

    private static async Task<int> RunUnflushedAsync(
        IReadOnlyList<string> args, CliConsole console, IModelSource models, CancellationToken cancellationToken)
    {
        // a prompt may begin with '@': no response files
        var parsed = Root(console, models).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction)
        {
            console.Note($"usage: {OneLine(Problem(parsed))}");
            return ExitCode.WrongUsage;
        }

        try
        {
            var configuration = new InvocationConfiguration
            {
                Output = console.Out,
                Error = console.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Cancelled;
        }
        catch (UsageException exception)
        {
            console.Note($"usage: {OneLine(exception.Message)}");
            return ExitCode.WrongUsage;
        }
        catch (Exception exception)
        {
            Report(exception, console);
            return ExitCode.Error;
        }
    }

    private static RootCommand Root(CliConsole console, IModelSource models) => new("Runs Llama models on kernels written in C#.")
    {
        CommonOptions.Json,
        new GenerateCommand(console, models),
        new TokenizeCommand(console, models),
        new DetokenizeCommand(console, models),
        new ChatCommand(console, models),
        new LogitsCommand(console, models),
        new PerplexityCommand(console, models),
        new PlanCommand(console, models),
        new InspectCommand(console, models),
        new SpectrumCommand(console, models),
        new AttendCommand(console, models),
        new SynthCommand(console),
        new DevicesCommand(console),
        new KernelsCommand(console),
        new BenchCommand(console, models),
    };

    private static string Problem(ParseResult parsed)
    {
        if (parsed.CommandResult.Command is not RootCommand root)
        {
            return string.Join(' ', parsed.Errors.Select(error => error.Message));
        }

        string found = parsed.UnmatchedTokens is [var first, ..] ? $"'{first}'" : "none";
        return $"expected a verb ({string.Join(", ", root.Subcommands.Select(verb => verb.Name))}), found {found}";
    }

    private static void Report(Exception exception, CliConsole console)
    {
        bool expected = exception is LlamaException or IOException or UnauthorizedAccessException
            or KernelFaultException or AcceleratorException or InvalidKernelOperationException;
        console.Note(expected
            ? $"error: {OneLine(exception.Message)}"
            : $"error: unexpected {exception.GetType().Name}: {OneLine(exception.Message)} ({TraceVariable}=1 shows where)");
        if (Environment.GetEnvironmentVariable(TraceVariable) is not null)
        {
            console.Note(exception.ToString());
        }
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ");
}
