using System.IO.Compression;
using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Archives and pickles that are not what they should be, each refused for what is wrong with it.</summary>
public sealed class PyTorchFileTests
{
    private static readonly byte[] Twelve = [.. Enumerable.Range(0, 24).Select(value => (byte)value)];

    [Test]
    public void A_transposed_view_is_read_in_the_order_of_its_shape()
    {
        var tensor = Only(new PickleBuilder().Raw('}').Text("a").Tensor("0", 12, 2, [3, 2], [1, 4]).Raw('s', '.'));
        Assert.That(tensor.Info.Shape, Is.EqualTo(new long[] { 3, 2 }));
        Assert.That(tensor.Content.Read(0, 12).ToArray(), Is.EqualTo(new byte[] { 4, 5, 12, 13, 6, 7, 14, 15, 8, 9, 16, 17 }));
        Assert.That(tensor.Content.Read(3, 4).ToArray(), Is.EqualTo(new byte[] { 13, 6, 7, 14 }));
    }

    [Test]
    public void A_parameter_is_its_tensor()
    {
        var pickle = new PickleBuilder().Raw('}').Text("a").Global("torch._utils", "_rebuild_parameter").Raw('(')
            .Tensor("0", 12, 0, [12], [1]).Raw(0x88, '}', 't', 'R', 's', '.');
        Assert.That(Only(pickle).Content.Read(0, 24).ToArray(), Is.EqualTo(Twelve));
    }

    [Test]
    public void Tensors_may_share_a_storage()
    {
        var pickle = new PickleBuilder().Raw('}').Text("a").Tensor("0", 12, 0, [8], [1]).Raw('s').Text("b").Tensor("0", 12, 4, [8], [1]).Raw('s', '.');
        var tensors = Read(pickle).Tensors;
        Assert.That(tensors.Select(tensor => tensor.Content.Read(0, 16)[0]), Is.EqualTo(new byte[] { 0, 8 }));
    }

    [TestCase("os", "system")]
    [TestCase("builtins", "eval")]
    [TestCase("torch", "load")]
    [TestCase("torch._utils", "_rebuild_qtensor")]
    [TestCase("collections", "defaultdict")]
    [TestCase("torch.storage", "_load_from_bytes")]
    public void A_reference_to_anything_else_is_refused_by_its_name(string module, string name) =>
        Expect(new PickleBuilder().Global(module, name).Raw('(').Text("echo").Raw('t', 'R', '.'), "data.pkl", $"{module}.{name}, which is refused");

    [Test]
    public void A_reference_by_the_stack_is_refused_by_its_name() =>
        Expect(new PickleBuilder().Text("posix").Text("system").Raw(0x93, '.'), "data.pkl", "posix.system, which is refused");

    [TestCase('i')]
    [TestCase('o')]
    [TestCase(0x81)]
    [TestCase(0x92)]
    [TestCase('P')]
    [TestCase(0x82)]
    public void An_instruction_that_builds_no_data_is_refused(int code) =>
        Expect(new PickleBuilder().Raw(code, '.'), "data.pkl", $"found 0x{code:X2} at byte 2");

    [Test]
    public void Calling_a_storages_type_is_refused() =>
        Expect(new PickleBuilder().Global("torch", "FloatStorage").Raw(')', 'R', '.'), "data.pkl", "expected the arguments of FloatStorage");

    [TestCase(new long[] { 13 }, new long[] { 1 }, 0)]
    [TestCase(new long[] { 12 }, new long[] { 1 }, 1)]
    [TestCase(new long[] { 2, 2 }, new long[] { 11, 1 }, 0)]
    [TestCase(new long[] { long.MaxValue, long.MaxValue }, new long[] { 0, 0 }, 0)]
    [TestCase(new long[] { 2 }, new long[] { long.MaxValue }, 0)]
    [TestCase(new long[] { 1 }, new long[] { 1 }, -1)]
    public void A_tensor_that_reaches_out_of_its_storage_is_refused(long[] shape, long[] strides, long offset) =>
        Expect(new PickleBuilder().Raw('}').Text("a").Tensor("0", 12, offset, shape, strides).Raw('s', '.'), "data.pkl", "within its storage of 12");

    [Test]
    public void A_tensor_larger_than_its_storage_is_refused() =>
        Expect(
            new PickleBuilder().Raw('}').Text("a").Tensor("0", 12, 0, [1000, 1000], [0, 0]).Raw('s', '.'), "a", "no element to be there more than once");

    [TestCase("FloatStorage", 12, "expected a storage of 12 elements of 4 bytes, found 24 bytes")]
    [TestCase("BFloat16Storage", 13, "expected a storage of 13 elements of 2 bytes, found 24 bytes")]
    [TestCase("LongStorage", 3, "expected a tensor in f32, f16 or bf16, found one over a LongStorage")]
    public void A_storage_of_another_size_or_type_is_refused(string storage, long count, string part) =>
        Expect(new PickleBuilder().Raw('}').Text("a").Tensor("0", count, 0, [1], [1], storage).Raw('s', '.'), "a", part);

    [Test]
    public void A_storage_that_is_not_in_the_archive_is_refused() =>
        Expect(new PickleBuilder().Raw('}').Text("a").Tensor("7", 12, 0, [1], [1]).Raw('s', '.'), "a", "storage data/7 in the archive, found none");

    [Test]
    public void A_name_twice_is_refused() =>
        Expect(
            new PickleBuilder().Raw('}').Text("a").Tensor("0", 12, 0, [1], [1]).Raw('s').Text("a").Tensor("0", 12, 0, [1], [1]).Raw('s', '.'),
            "a",
            "found it twice");

    [Test]
    public void A_dictionary_within_itself_is_no_tensor() =>
        Expect(new PickleBuilder().Raw('}', 'q', 0).Text("a").Raw('h', 0, 's', '.'), "a", "expected a tensor by its name");

    [Test]
    public void A_list_within_itself_is_no_dictionary() => Expect(new PickleBuilder().Raw(']', 'q', 0, 'h', 0, 'a', '.'), "data.pkl", "a dictionary of tensors");

    [Test]
    public void A_pickle_without_an_end_is_refused() => Expect(new PickleBuilder().Raw('}'), "data.pkl", "truncated?");

    [Test]
    public void A_pickle_of_too_many_instructions_is_refused()
    {
        int[] long_ = new int[1 << 21];
        Array.Fill(long_, '}');
        long before = GC.GetAllocatedBytesForCurrentThread();
        Expect(new PickleBuilder().Raw(long_), "data.pkl", "expected at most 1048576 instructions");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(200 << 20));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(6)]
    public void Another_protocol_is_refused(int version)
    {
        byte[] pickle = new PickleBuilder().Raw('}', '.').ToArray();
        pickle[1] = (byte)version;
        ExpectFile(PickleBuilder.Archive(pickle, []), "data.pkl", $"protocol 2 to 5, found {version}");
    }

    [Test]
    public void A_compressed_archive_is_refused()
    {
        byte[] bomb = new byte[1 << 20];
        ExpectFile(
            PickleBuilder.Archive(new PickleBuilder().Raw('}', '.').ToArray(), [bomb], CompressionLevel.Optimal),
            "archive/data.pkl",
            "found compression method 8");
    }

    [Test]
    public void Big_endian_data_is_refused() =>
        ExpectFile(PickleBuilder.Archive(new PickleBuilder().Raw('}', '.').ToArray(), [], byteOrder: "big"), "byteorder", "little-endian");

    [Test]
    public void The_format_before_version_1_6_is_refused() =>
        ExpectFile(new PickleBuilder().Raw('}', '.').ToArray(), null, "expected a zip archive as PyTorch writes it since version 1.6");

    [Test]
    public void A_truncated_archive_is_refused()
    {
        byte[] archive = PickleBuilder.Archive(new PickleBuilder().Raw('}', '.').ToArray(), [Twelve]);
        for (int length = 0; length < archive.Length; length++)
        {
            byte[] cut = archive[..length];
            CheckpointErrors.Expect(() => PyTorchFile.Read(new MemorySource("model.pth", cut)), "model.pth", null);
        }
    }

    private static PyTorchFile Read(PickleBuilder pickle) =>
        PyTorchFile.Read(new MemorySource("model.pth", PickleBuilder.Archive(pickle.ToArray(), [Twelve])));

    private static StoredTensor Only(PickleBuilder pickle) => Read(pickle).Tensors.Single();

    private static void Expect(PickleBuilder pickle, string? subject, string part) =>
        CheckpointErrors.Expect(() => Read(pickle), "model.pth", subject, part);

    private static void ExpectFile(byte[] file, string? subject, string part) =>
        CheckpointErrors.Expect(() => PyTorchFile.Read(new MemorySource("model.pth", file)), "model.pth", subject, part);
}
