using Llama.Gpu.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>A model in several GGUF files: found and opened by the first, and refused where a part is missing or another's.</summary>
public sealed class GgufPartsTests
{
    private const string First = "model-00001-of-00003.gguf";
    private const string Second = "model-00002-of-00003.gguf";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CopyParts()
    {
        _folder = new TemporaryFolder();
        foreach (string file in Directory.GetFiles(FormatTests.PathOf("gguf-split")))
        {
            File.Copy(file, _folder[Path.GetFileName(file)]);
        }
    }

    [TearDown]
    public void DeleteParts() => _folder.Dispose();

    [Test]
    public void Parts_are_opened_by_the_first_or_by_their_folder()
    {
        foreach (string path in new[] { _folder[First], _folder.Path })
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            Assert.That(checkpoint.Tensors.Values.Select(tensor => Path.GetFileName(tensor.File)).Distinct().Count(), Is.EqualTo(3));
            Assert.That(Tokenizer.Open(path).VocabularySize, Is.EqualTo(48));
        }
    }

    [Test]
    public void Missing_part_is_named()
    {
        File.Delete(_folder[Second]);
        CheckpointErrors.Expect(() => Checkpoint.Open(_folder[First]), Second, null, "expected part 2 of 3, found no such file");
    }

    [Test]
    public void Later_part_does_not_open_the_model()
    {
        CheckpointErrors.Expect(() => Checkpoint.Open(_folder[Second]), Second, "split.no", "expected the first part of a model, found part 2 of 3");
        File.Delete(_folder[First]);
        CheckpointErrors.Expect(
            () => GgufCheckpoint.Open(_folder.Path), Path.GetFileName(_folder.Path), null, "expected one model in *.gguf files in the folder, found 0");
    }

    [Test]
    public void First_part_under_another_name_says_what_name_it_needs()
    {
        File.Move(_folder[First], _folder["model.gguf"]);
        CheckpointErrors.Expect(
            () => Checkpoint.Open(_folder["model.gguf"]), "model.gguf", "split.count", "expected a file name that ends in -00001-of-00003.gguf");
    }

    [Test]
    public void Part_of_another_place_is_refused()
    {
        File.Copy(_folder["model-00003-of-00003.gguf"], _folder[Second], overwrite: true);
        CheckpointErrors.Expect(() => Checkpoint.Open(_folder[First]), Second, "split.no", "expected 1, found 2");
        File.Copy(Path.Combine(FormatTests.PathOf("gguf"), "model.gguf"), _folder[Second], overwrite: true);
        CheckpointErrors.Expect(() => Checkpoint.Open(_folder[First]), Second, "split.no", "expected a number, found none");
    }

    [Test]
    public void Part_without_its_tensors_is_refused()
    {
        var empty = new GgufBuilder().Add("split.no", 1u).Add("split.count", 3u);
        File.WriteAllBytes(_folder[Second], empty.ToArray());
        CheckpointErrors.Expect(() => Checkpoint.Open(_folder[First]), First, "split.tensors.count", "tensors in 3 parts, found");
    }

    [Test]
    public void Truncated_part_is_named()
    {
        byte[] part = File.ReadAllBytes(_folder[Second]);
        File.WriteAllBytes(_folder[Second], part[..^100]);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder[First]));
        Assert.That(Path.GetFileName(error!.File), Is.EqualTo(Second));
        Assert.That(error.Message, Does.Contain("truncated?"));
    }
}
