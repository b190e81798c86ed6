using System.Diagnostics;
using Llama.Gpu.Jit.Runtime.Profiling;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Profiling;

/// <summary>Ranges as a profiler's library gets them: from a process that it has started, and from this one, which none has.</summary>
[NonParallelizable]
public sealed class ProfilerRangeTests
{
    private static readonly Lazy<string> Library = new(() => NativeSource.Compile("Jit", "Profiling", "fake_profiler.c"));

    [Test]
    [CancelAfter(300_000)]
    public async Task Process_of_a_profiler_reports_token_layer_and_operation(CancellationToken cancellationToken)
    {
        using var folder = new TemporaryFolder();
        ProcessStartInfo start = CommandLineProcess.Start(
            "generate", "--model", RepositoryFolder.TinyModel, "--raw-ids", "1,2,3", "-n", "2", "--device", "simd");
        start.Environment[NvtxInjection.Variable] = Library.Value;
        start.Environment["FAKE_PROFILER_LOG"] = folder["log"];
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string error = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        string[] lines = await File.ReadAllLinesAsync(folder["log"], cancellationToken);
        Assert.Multiple(() =>
        {
            Assert.That(process.ExitCode, Is.Zero, error);
            Assert.That(lines[0], Is.EqualTo("prefill 0"));
            Assert.That(lines.Where(line => !line.StartsWith(' ')), Is.EqualTo(new[] { "prefill 0", "logits 1", "token 3", "logits 1" }));
            Assert.That(lines.Count(line => line == " layer 0"), Is.EqualTo(2));
            Assert.That(lines.SkipWhile(line => line != "token 3").SkipWhile(line => line != " layer 0").ElementAt(1), Is.EqualTo("  QkvProjection.Kernel"));
            Assert.That(lines.Where(line => line.StartsWith("   ", StringComparison.Ordinal)), Is.Empty, "three levels, each closed");
        });
    }

    [Test]
    public void Process_without_a_profiler_takes_no_ranges()
    {
        using (ProfilerRange.Begin("outer"))
        using (ProfilerRange.Begin("inner", 3))
        {
            Assert.That(ProfilerRange.IsTaken, Is.False);
        }
    }

    [Test]
    public void Library_that_declines_is_not_attached() => Assert.That(NvtxInjection.TryAttach(Library.Value), Is.Null, "its log is not named");

    [TestCase(null)]
    [TestCase("")]
    [TestCase("/none/libprofiler.so")]
    [TestCase("libc.so.6")]
    public void What_is_no_profiler_is_passed_over(string? library) => Assert.That(NvtxInjection.TryAttach(library), Is.Null);
}
