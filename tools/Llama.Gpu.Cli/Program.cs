using System.Runtime.InteropServices;
using System.Text;
using Llama.Gpu.Cli;
using Llama.Gpu.Cli.Output;

// UTF-8 whatever the locale says, and no byte order mark: what comes out is read by other programs
var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
using var input = new StreamReader(Console.OpenStandardInput(), utf8, detectEncodingFromByteOrderMarks: false);
using var output = new StreamWriter(StandardOutput.Open(), utf8);
using var error = new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true };
bool watched = !Console.IsOutputRedirected && !Console.IsErrorRedirected;
var console = new CliConsole(input, output, error, watched);

using var cancel = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await CommandLineProgram.RunAsync(args, console, new ModelSource(), cancel.Token);

// the first asks the work to stop and to leave no half-written file; the second ends the process
void Stop(PosixSignalContext signal)
{
    signal.Cancel = !cancel.IsCancellationRequested;
    cancel.Cancel();
}
