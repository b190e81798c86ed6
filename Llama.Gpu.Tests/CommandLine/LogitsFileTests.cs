using Llama.Gpu.Cli.Output;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

public sealed class LogitsFileTests
{
    private static readonly float[] Row = [1f, -2f];
    private static readonly byte[] RowBytes = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void New_file_takes_its_name_when_it_is_complete()
    {
        using (var file = new LogitsFile(_folder["logits"]))
        {
            file.Write(Row);
            Assert.That(File.Exists(_folder["logits"]), Is.False);
            file.Complete();
        }

        AssertOnlyRow("logits");
    }

    [Test]
    public void File_with_content_stays_until_the_new_one_is_complete()
    {
        File.WriteAllText(_folder["logits"], "old");
        using (var file = new LogitsFile(_folder["logits"]))
        {
            file.Write(Row);
            Assert.That(File.ReadAllText(_folder["logits"]), Is.EqualTo("old"));
            file.Complete();
        }

        AssertOnlyRow("logits");
    }

    // as a device and a pipe are: they are empty too, and a new file would take their place
    [Test]
    public void Empty_file_is_written_in_place()
    {
        File.Create(_folder["logits"]).Dispose();
        using var before = File.Open(_folder["logits"], FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using (var file = new LogitsFile(_folder["logits"]))
        {
            file.Write(Row);
            file.Complete();
        }

        Assert.That(before.Length, Is.EqualTo(RowBytes.Length));
        AssertOnlyRow("logits");
    }

    [Test]
    public void Empty_file_that_is_not_completed_is_empty_again()
    {
        File.Create(_folder["logits"]).Dispose();
        using (var file = new LogitsFile(_folder["logits"]))
        {
            file.Write(Row);
        }

        Assert.That(new FileInfo(_folder["logits"]).Length, Is.Zero);
    }

    [TestCase("old")]
    [TestCase("")]
    [TestCase(null)]
    public void Link_stays_a_link(string? content)
    {
        if (content is not null)
        {
            File.WriteAllText(_folder["target"], content);
        }

        File.CreateSymbolicLink(_folder["link"], "target");
        using (var file = new LogitsFile(_folder["link"]))
        {
            file.Write(Row);
            file.Complete();
        }

        Assert.That(new FileInfo(_folder["link"]).LinkTarget, Is.EqualTo("target"));
        Assert.That(File.ReadAllBytes(_folder["target"]), Is.EqualTo(RowBytes));
        Assert.That(Directory.EnumerateFiles(_folder.Path).Count(), Is.EqualTo(2));
    }

    [Test]
    public void Folder_is_refused_before_anything_is_computed() =>
        Assert.That(() => new LogitsFile(_folder.Path), Throws.InstanceOf<IOException>().With.Message.EndsWith("found a folder"));

    [Test]
    public void Folder_that_is_not_there_is_named()
    {
        string path = Path.Combine(_folder["none"], "logits");
        Assert.That(
            () => new LogitsFile(path),
            Throws.InstanceOf<IOException>().With.Message.EqualTo($"{path}: expected a file in a folder, found no such folder"));
    }

    private void AssertOnlyRow(string name)
    {
        Assert.That(File.ReadAllBytes(_folder[name]), Is.EqualTo(RowBytes));
        Assert.That(Directory.EnumerateFiles(_folder.Path).Count(), Is.EqualTo(1));
    }
}
