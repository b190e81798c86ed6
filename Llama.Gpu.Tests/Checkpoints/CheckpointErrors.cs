using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Expectations on <see cref="CheckpointException"/>.</summary>
internal static class CheckpointErrors
{
    /// <summary>The action must fail, naming the file, the subject and each of the given parts in one line.</summary>
    public static void Expect(Action action, string file, string? subject, params string[] parts)
    {
        var error = Catch(action);
        Assert.That(error, Is.Not.Null, "nothing was reported");
        Assert.That(Path.GetFileName(error!.File), Is.EqualTo(file), error.Message);
        Assert.That(error.Subject, Is.EqualTo(subject), error.Message);
        Assert.That(error.Message, Does.Contain(error.File));
        Assert.That(error.Message, Does.Not.Contain('\n'));
        Assert.That(error.Message.Length, Is.LessThan(600), error.Message);
        foreach (string part in parts)
        {
            Assert.That(error.Message, Does.Contain(part));
        }
    }

    private static CheckpointException? Catch(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (CheckpointException error)
        {
            return error;
        }
    }
}
