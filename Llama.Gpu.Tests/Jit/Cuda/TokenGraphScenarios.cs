using System.Text.RegularExpressions;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Kernels;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cuda;

/// <summary>How a model's token is captured and replayed: each method runs in the copy that <see cref="FakeDriver"/> makes.</summary>
public static class TokenGraphScenarios
{
    private const int Layers = 2;

    // 5 a layer; embedding, norm, head; 3 to choose the token
    private const int LaunchesOfToken = (5 * Layers) + 3 + 3;

    public static void TokenIsCapturedAsItWasLaunchedAndReplayedWithoutLaunches() => WithSession(session =>
    {
        session.ForwardAndChoose([1, 2, 3], Choice(3), out _);
        FakeDriverScenarios.Log();
        string[] launched = Next(session);
        string[] captured = Next(session);
        string[] replayed = Next(session);
        Assert.Multiple(() =>
        {
            Assert.That(launched, Has.Length.EqualTo(LaunchesOfToken));
            Assert.That(captured[..LaunchesOfToken], Is.EqualTo(launched.Select((line, i) => $"node {i + 1} after {i}: {line}")));
            Assert.That(
                captured[LaunchesOfToken..],
                Is.EqualTo(new[]
                {
                    $"node {LaunchesOfToken + 1} after {LaunchesOfToken}: copy of 4 bytes", $"graph of {LaunchesOfToken + 1}",
                }));
            Assert.That(replayed, Is.EqualTo(captured[^1..]));
            Assert.That(session.Position, Is.EqualTo(6));
            Assert.That(session.GraphProblem, Is.Null);
        });
    });

    public static void GraphServesEveryChoiceAndSurvivesCallsBetween() => WithSession(session =>
    {
        session.ForwardAndChoose([1, 2, 3], Choice(3), out _);
        Next(session);
        string graph = Next(session)[^1];
        session.Forward([4, 5]);
        FakeDriverScenarios.Log();
        session.ForwardAndChoose([6], new TokenChoice(0.7, 40, 0.9, 0, 8, 1), out _);
        Assert.That(Lines(), Is.EqualTo(new[] { graph }));
        session.Rewind(2);
        session.ForwardAndChoose([7], Choice(3), out _);
        Assert.That(Lines(), Is.EqualTo(new[] { graph }));
        session.Observer = (_, _, _) => { };
        session.ForwardAndChoose([8], Choice(4), out _);
        Assert.That(Lines(), Has.Length.GreaterThan(LaunchesOfToken).And.None.StartsWith("graph"));
    });

    public static void DriverThatRefusesToCaptureLeavesPlainLaunches() => WithSession(session =>
    {
        FakeDriverScenarios.Set("fake_refuse_capture", 1);
        try
        {
            session.ForwardAndChoose([1, 2, 3], Choice(3), out _);
            FakeDriverScenarios.Log();
            string[] launched = Next(session);
            Assert.That(Next(session), Is.EqualTo(launched));
            Assert.That(session.GraphProblem, Does.Contain("cuStreamBeginCapture_v2"));
            Assert.That(Next(session), Is.EqualTo(launched));
        }
        finally
        {
            FakeDriverScenarios.Set("fake_refuse_capture", 0);
        }
    });

    private static TokenChoice Choice(int draw) => new(1.0, 0, 1.0, 0.0, 5, (ulong)draw);

    private static string[] Next(DecoderSession session)
    {
        session.ForwardAndChoose([0], Choice(session.Position + 1), out _);
        return Lines();
    }

    // what was asked of the driver; large shared memory is asked for once
    private static string[] Lines() =>
        [.. FakeDriverScenarios.Log().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !Regex.IsMatch(line, "^shared "))];

    private static void WithSession(Action<DecoderSession> test) => FakeDriverScenarios.WithAccelerator(accelerator =>
    {
        using var folder = new TemporaryFolder();
        LlamaConfig config = SyntheticPresets.Get("tiny") with { LayerCount = Layers };
        SyntheticCheckpoint.Write(folder["model"], config, TensorType.BFloat16, seed: 1);
        using Checkpoint checkpoint = Checkpoint.Open(folder["model"]);
        using LlamaModel model = LlamaModel.Load(checkpoint, accelerator);
        using DecoderSession session = model.CreateSession(64);
        test(session);
    });
}
