using System.Diagnostics;
using System.Text;
using Llama.Gpu.Cli;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

/// <summary>What happens when nobody takes what the program writes.</summary>
public sealed class StandardStreamTests
{
    [Test]
    public async Task Full_output_is_exit_code_1_and_one_line()
    {
        using var output = new FullWriter();
        using var error = new StringWriter { NewLine = "\n" };
        int code = await Run(output, error, "inspect", "--model", RepositoryFolder.TinyModel);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error.ToString(), Is.EqualTo("error: no space left\n"));
    }

    [Test]
    public async Task Output_that_fills_up_at_the_end_is_exit_code_1_and_one_line()
    {
        using var output = new FullWriter { Buffered = true };
        using var error = new StringWriter { NewLine = "\n" };
        int code = await Run(output, error, "inspect", "--model", RepositoryFolder.TinyModel);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error.ToString(), Is.EqualTo("error: no space left\n"));
    }

    [TestCase(2, "frobnicate")]
    [TestCase(1, "inspect", "--model", "none")]
    public async Task Errors_that_cannot_be_written_keep_their_exit_code(int expected, params string[] line)
    {
        using var output = new StringWriter();
        using var error = new FullWriter();
        Assert.That(await Run(output, error, line), Is.EqualTo(expected));
    }

    [Test]
    [Platform("Unix")]
    [CancelAfter(60_000)]
    public async Task Closed_pipe_ends_the_program(CancellationToken cancellationToken)
    {
        ProcessStartInfo start = CommandLineProcess.Start("tokenize", "--jsonl", "--model", RepositoryFolder.TinyModel);
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteLineAsync("\"a\"".AsMemory(), cancellationToken);
        await process.StandardInput.FlushAsync(cancellationToken);
        Assert.That(await process.StandardOutput.ReadLineAsync(cancellationToken), Does.Contain("ids"));
        process.StandardOutput.Close();
        try
        {
            while (!process.HasExited)
            {
                await process.StandardInput.WriteLineAsync("\"a\"".AsMemory(), cancellationToken);
                await process.StandardInput.FlushAsync(cancellationToken);
            }
        }
        catch (IOException)
        {
            // it ended while a line was on its way
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        await process.WaitForExitAsync(cancellationToken);
        Assert.That(process.ExitCode, Is.EqualTo(1));
        Assert.That(await process.StandardError.ReadToEndAsync(cancellationToken), Does.StartWith("error: ").And.Not.Contain("unexpected"));
    }

    private static Task<int> Run(TextWriter output, TextWriter error, params string[] line) =>
        CommandLineProgram.RunAsync(
            line, new CliConsole(TextReader.Null, output, error, Watched: false), new ModelSource(), CancellationToken.None);

    /// <summary>A full disk: writing fails, or flushing if it is buffered.</summary>
    private sealed class FullWriter : TextWriter
    {
        public bool Buffered { get; init; }

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            if (!Buffered)
            {
                throw new IOException("no space left");
            }
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => throw new IOException("no space left");
    }
}
