using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

public sealed class SafeTensorsWriterTests
{
    private static readonly TensorSpec Small = new("a", TensorType.Float32, [2]);

    [Test]
    public void What_is_written_is_read_back_byte_for_byte()
    {
        using var folder = new TemporaryFolder();
        string path = folder["x.safetensors"];
        var specs =
            from names in Gen.ListOf(Gen.Elements("a", "b.weight", "model.layers.10.x", "\u00FC \U0001D7D8 \" \\ \n", "", "z"))
            from shapes in Gen.ArrayOf(Gen.ArrayOf(Gen.Choose(0, 5), 3).Select(shape => shape[..(shape.Sum() % 4)]), names.Count)
            from types in Gen.ArrayOf(Gen.Elements(TensorType.Float32, TensorType.Float16, TensorType.BFloat16), names.Count)
            select names.Zip(shapes, types)
                .DistinctBy(tensor => tensor.First)
                .Select(tensor => new TensorSpec(tensor.First, tensor.Third, [.. tensor.Second.Select(extent => (long)extent)]))
                .ToArray();

        Prop.ForAll(specs.ToArbitrary(), tensors =>
        {
            var written = new Dictionary<string, byte[]>();
            SafeTensorsWriter.Write(path, tensors, (tensor, _, destination) =>
            {
                new Random(tensor.Name.Length * 31 + (int)tensor.ByteLength).NextBytes(destination);
                written.Add(tensor.Name, destination.ToArray());
            });

            using var file = SafeTensorsFile.Open(path);
            return file.Header.Tensors.Length == tensors.Length && tensors.All(spec =>
            {
                var found = file.Header.Tensors.Single(tensor => tensor.Name == spec.Name);
                return found.Type == spec.Type
                    && found.Shape.SequenceEqual(spec.Shape)
                    && file.Read(found.Offset, (int)found.ByteLength).SequenceEqual(written.GetValueOrDefault(spec.Name, []));
            });
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100).WithReplay(1234567, 89));
    }

    [Test]
    public void The_layout_is_that_of_the_reference_writer()
    {
        using var folder = new TemporaryFolder();
        string path = folder["x.safetensors"];
        TensorSpec[] tensors = [new("d", TensorType.BFloat16, [2]), Small with { Name = "z" }, new("c", TensorType.Float16, []), Small];
        SafeTensorsWriter.Write(path, tensors, (_, _, destination) => destination.Clear());
        using var file = SafeTensorsFile.Open(path);
        Assert.That(file.Header.Tensors.Select(tensor => tensor.Name), Is.EqualTo(ImmutableArray.Create("a", "z", "c", "d")));
        Assert.That(file.Header.DataOffset % 8, Is.Zero);
        Assert.That(file.Header.Metadata["format"], Is.EqualTo("pt"));
    }

    [TestCase(1)]
    [TestCase(4)]
    public void A_tensor_larger_than_a_part_is_asked_for_piece_by_piece(int threads)
    {
        using var folder = new TemporaryFolder();
        string path = folder["x.safetensors"];
        const int Count = SafeTensorsWriter.ChunkLength * 5 / 8;
        long reported = 0;
        SafeTensorsWriter.Write(
            path,
            [new("first", TensorType.Float32, [3]), new("large", TensorType.Float16, [Count])],
            (tensor, offset, destination) =>
            {
                Assert.That(offset % SafeTensorsWriter.ChunkLength, Is.Zero);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (byte)((offset + i) % 251);
                }
            },
            threads,
            new Largest(value => InterlockedMax(ref reported, value)));

        using var file = SafeTensorsFile.Open(path);
        var large = file.Header.Tensors.Single(tensor => tensor.Name == "large");
        byte[] expected = [.. Enumerable.Range(0, Count * 2).Select(i => (byte)(i % 251))];
        Assert.That(file.Read(large.Offset, Count * 2).SequenceEqual(expected), Is.True);
        Assert.That(reported, Is.EqualTo(Count * 2 + 12));
    }

    [TestCase(1)]
    [TestCase(4)]
    public void When_filling_fails_the_old_file_stays_and_nothing_else(int threads)
    {
        using var folder = new TemporaryFolder();
        string path = folder["x.safetensors"];
        File.WriteAllText(path, "old");
        Assert.That(
            () => SafeTensorsWriter.Write(path, [Small], (_, _, _) => throw new InvalidTimeZoneException("planted"), threads),
            Throws.TypeOf<InvalidTimeZoneException>());
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_file_is_replaced_whole_while_the_old_one_is_still_mapped()
    {
        using var folder = new TemporaryFolder();
        string path = folder["x.safetensors"];
        SafeTensorsWriter.Write(path, [Small], (_, _, destination) => destination.Fill(1));
        using var old = SafeTensorsFile.Open(path);
        SafeTensorsWriter.Write(path, [Small], (_, _, destination) => destination.Fill(2));
        using var replaced = SafeTensorsFile.Open(path);
        Assert.That(old.Read(old.Header.DataOffset, 1)[0], Is.EqualTo(1));
        Assert.That(replaced.Read(replaced.Header.DataOffset, 1)[0], Is.EqualTo(2));
    }

    [Test]
    public void A_folder_that_is_not_there_is_a_typed_error()
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder["missing"], "x.safetensors");
        CheckpointErrors.Expect(() => SafeTensorsWriter.Write(path, [Small], (_, _, _) => { }), "x.safetensors", null, "cannot write");
    }

    [Test]
    public void More_than_the_disk_holds_is_a_typed_error_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        bool asked = false;
        CheckpointErrors.Expect(
            () => SafeTensorsWriter.Write(folder["x.safetensors"], [new("a", TensorType.Float32, [1L << 58])], (_, _, _) => asked = true),
            "x.safetensors",
            null,
            "cannot write");
        Assert.That(asked, Is.False);
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
    }

    [TestCase("__metadata__", 1)]
    [TestCase("a", 1)]
    [TestCase("b", -1)]
    [TestCase("b", long.MaxValue)]
    public void A_tensor_that_no_file_can_hold_is_refused(string name, long extent)
    {
        using var folder = new TemporaryFolder();
        Assert.That(
            () => SafeTensorsWriter.Write(folder["x.safetensors"], [Small, new(name, TensorType.Float32, [extent])], (_, _, _) => { }),
            Throws.ArgumentException);
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
    }

    private static void InterlockedMax(ref long target, long value)
    {
        for (long seen = Volatile.Read(ref target); value > seen;)
        {
            seen = Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    private sealed class Largest(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
