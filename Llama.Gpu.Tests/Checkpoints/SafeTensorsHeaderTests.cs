using System.Collections.Immutable;
using Llama.Gpu.Checkpoints;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

public sealed class SafeTensorsHeaderTests
{
    [Test]
    public void Tensors_come_in_the_order_of_their_data_with_offsets_from_the_files_start()
    {
        string json = """
            {"b": {"dtype": "F16", "shape": [2, 3], "data_offsets": [4, 16]}, "__metadata__": {"format": "pt", "made by": "hand"},
             "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "c": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [16, 18]}}
            """;
        var header = Parse(json, dataLength: 18);
        long start = 8 + json.Length;
        Assert.That(header.DataOffset, Is.EqualTo(start));
        Assert.That(header.Metadata, Is.EqualTo(new Dictionary<string, string> { ["format"] = "pt", ["made by"] = "hand" }));
        Assert.That(header.Tensors.Select(tensor => tensor.Name), Is.EqualTo(ImmutableArray.Create("a", "b", "c")));
        Assert.That(header.Tensors.Select(tensor => tensor.Offset), Is.EqualTo(ImmutableArray.Create(start, start + 4, start + 16)));
        Assert.That(header.Tensors.Select(tensor => tensor.ByteLength), Is.EqualTo(ImmutableArray.Create(4L, 12L, 2L)));
        Assert.That(header.Tensors[1].Type, Is.EqualTo(TensorType.Float16));
        Assert.That(header.Tensors[1].Shape, Is.EqualTo(ImmutableArray.Create(2L, 3L)));
        Assert.That(header.Tensors[1].ElementCount, Is.EqualTo(6));
    }

    [Test]
    public void A_file_without_tensors_is_valid()
    {
        Assert.That(Parse("{}", dataLength: 0).Tensors, Is.Empty);
    }

    [Test]
    public void A_scalar_is_one_element_and_a_zero_extent_none()
    {
        var header = Parse(
            """
            {"scalar": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}, "none": {"dtype": "F32", "shape": [3, 0], "data_offsets": [4, 4]},
             "none at the front": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}}
            """,
            dataLength: 4);
        Assert.That(header.Tensors.Select(tensor => tensor.ElementCount), Is.EqualTo(ImmutableArray.Create(0L, 1L, 0L)));
    }

    [Test]
    public void A_header_padded_with_spaces_is_valid()
    {
        Assert.That(Parse("""{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}        """, dataLength: 4).Tensors, Has.Length.EqualTo(1));
    }

    public static IEnumerable<TestCaseData> Malformed()
    {
        // name of the case, one tensor's entry, and what the message must have; the file has 16 bytes of data
        yield return Case("Entry_a_number", "1", "an object", "found 1");
        yield return Case("Type_missing", """{"shape": [8], "data_offsets": [0, 16]}""", "expected a dtype, found none");
        yield return Case("Shape_missing", """{"dtype": "F16", "data_offsets": [0, 16]}""", "expected a shape, found none");
        yield return Case("Offsets_missing", """{"dtype": "F16", "shape": [8]}""", "expected a data_offsets, found none");
        yield return Case("Type_unknown", """{"dtype": "F12", "shape": [8], "data_offsets": [0, 16]}""", "\"F12\"", "does not know");
        yield return Case("Type_in_lower_case", """{"dtype": "f16", "shape": [8], "data_offsets": [0, 16]}""", "\"f16\"", "does not know");
        yield return Case("Type_I64", """{"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}""", "I64", "not supported");
        yield return Case("Type_F8", """{"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}""", "F8_E4M3", "not supported");
        yield return Case("Type_a_number", """{"dtype": 16, "shape": [8], "data_offsets": [0, 16]}""", "a string for dtype", "found 16");
        yield return Case("Shape_an_object", """{"dtype": "F16", "shape": {}, "data_offsets": [0, 16]}""", "an array for shape");
        yield return Case("Shape_negative", """{"dtype": "F16", "shape": [-8], "data_offsets": [0, 16]}""", "found -8");
        yield return Case("Shape_twice_negative", """{"dtype": "F16", "shape": [-2, -4], "data_offsets": [0, 16]}""", "found -2");
        yield return Case("Shape_a_fraction", """{"dtype": "F16", "shape": [8.0], "data_offsets": [0, 16]}""", "found 8.0");
        yield return Case("Shape_a_string", """{"dtype": "F16", "shape": ["8"], "data_offsets": [0, 16]}""", "found \"8\"");
        yield return Case("Shape_beyond_64_bits", """{"dtype": "F16", "shape": [18446744073709551624], "data_offsets": [0, 16]}""", "18446744073709551624");
        yield return Case(
            "Shape_whose_product_wraps_to_the_right_size",
            """{"dtype": "F16", "shape": [4294967296, 4294967296, 8], "data_offsets": [0, 16]}""",
            "63 bits");
        yield return Case("Shape_whose_bytes_wrap", """{"dtype": "F32", "shape": [4611686018427387908], "data_offsets": [0, 16]}""", "63 bits");
        yield return Case("Size_too_small", """{"dtype": "F16", "shape": [7], "data_offsets": [0, 16]}""", "expected 14 bytes", "of 16");
        yield return Case("Size_too_large", """{"dtype": "F32", "shape": [8], "data_offsets": [0, 16]}""", "expected 32 bytes", "of 16");
        yield return Case("Scalar_of_no_bytes", """{"dtype": "F16", "shape": [], "data_offsets": [0, 0]}""", "expected 2 bytes", "of 0");
        yield return Case("Offsets_turned_around", """{"dtype": "F16", "shape": [8], "data_offsets": [16, 0]}""", "[16, 0]");
        yield return Case("Offsets_beyond_the_file", """{"dtype": "F16", "shape": [16], "data_offsets": [0, 32]}""", "16 bytes of data", "[0, 32]");
        yield return Case("Offsets_near_the_largest", """{"dtype": "F16", "shape": [8], "data_offsets": [9223372036854775791, 9223372036854775807]}""", "9223372036854775807");
        yield return Case("Offsets_negative", """{"dtype": "F16", "shape": [8], "data_offsets": [-16, 0]}""", "found -16");
        yield return Case("Offsets_three", """{"dtype": "F16", "shape": [8], "data_offsets": [0, 8, 16]}""", "two data_offsets", "found 3");
        yield return Case("Hole_at_the_front", """{"dtype": "F16", "shape": [4], "data_offsets": [8, 16]}""", "after the header", "hole up to 8");
    }

    [TestCaseSource(nameof(Malformed))]
    public void A_malformed_tensor_is_named(string entry, string[] parts)
    {
        ExpectError("{\"model.norm.weight\": " + entry + "}", 16, "model.norm.weight", parts);
    }

    [Test]
    public void Overlapping_tensors_are_an_error()
    {
        ExpectError(
            """{"a": {"dtype": "F16", "shape": [5], "data_offsets": [0, 10]}, "b": {"dtype": "F16", "shape": [4], "data_offsets": [8, 16]}}""",
            16,
            "b",
            "from byte 10 (after a)",
            "overlap from 8");
    }

    [Test]
    public void Two_tensors_on_the_same_data_are_an_error()
    {
        ExpectError(
            """{"a": {"dtype": "F16", "shape": [8], "data_offsets": [0, 16]}, "b": {"dtype": "F16", "shape": [8], "data_offsets": [0, 16]}}""",
            16,
            "b",
            "overlap");
    }

    [Test]
    public void A_hole_between_tensors_is_an_error()
    {
        ExpectError(
            """{"a": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]}, "b": {"dtype": "F16", "shape": [4], "data_offsets": [8, 16]}}""",
            16,
            "b",
            "from byte 6 (after a)",
            "hole up to 8");
    }

    [Test]
    public void Bytes_after_the_last_tensor_are_an_error()
    {
        ExpectError("""{"a": {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]}}""", 16, null, "10 more bytes");
    }

    [Test]
    public void A_tensor_twice_is_an_error()
    {
        ExpectError(
            """{"a": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}, "a": {"dtype": "F16", "shape": [4], "data_offsets": [8, 16]}}""",
            16,
            "a",
            "twice");
    }

    [TestCase("""{"__metadata__": 1}""", "__metadata__", "object of strings")]
    [TestCase("""{"__metadata__": {"format": 1}}""", "__metadata__.format", "found 1")]
    [TestCase("""{"__metadata__": {"format": "pt", "format": "pt"}}""", "__metadata__.format", "twice")]
    public void Metadata_other_than_texts_is_an_error(string json, string subject, string part)
    {
        ExpectError(json, 0, subject, part);
    }

    [TestCase("", "begins with '{'")]
    [TestCase(" {}", "begins with '{'")]
    [TestCase("[]", "begins with '{'")]
    [TestCase("{", "not valid JSON")]
    [TestCase("{}\0", "not valid JSON")]
    [TestCase("{\"a\":\"\\uDC00\"}", "surrogate")]
    public void A_header_that_is_no_JSON_object_is_an_error(string json, string part)
    {
        CheckpointErrors.Expect(() => Parse(json, 0), "model.safetensors", json.Contains("\"a\"", StringComparison.Ordinal) ? "a" : null, part);
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    public void A_file_shorter_than_a_headers_length_is_an_error(int length)
    {
        CheckpointErrors.Expect(
            () => SafeTensorsHeader.Parse(new byte[length], length, "model.safetensors"), "model.safetensors", null, $"a file of {length} bytes");
    }

    [TestCase(ulong.MaxValue, "at most 100000000")]
    [TestCase(1UL << 63, "at most 100000000")]
    [TestCase(100_000_001UL, "at most 100000000")]
    [TestCase(100_000_000UL, "a file of 24 bytes")]
    [TestCase(17UL, "a file of 24 bytes")]
    public void A_header_longer_than_the_file_or_the_format_allows_is_an_error_before_anything_is_allocated(ulong length, string part)
    {
        byte[] file = [.. BitConverter.GetBytes(length), .. new byte[16]];
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckpointErrors.Expect(() => SafeTensorsHeader.Parse(file, file.Length, "model.safetensors"), "model.safetensors", null, part);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_000_000));
    }

    [Test]
    public void A_very_long_name_is_cut_in_the_message()
    {
        string name = new('x', 1_000_000);
        ExpectError($"{{\"{name}\": 1}}", 0, name[..80] + "...", "an object");
    }

    private static TestCaseData Case(string name, string entry, params string[] parts) =>
        new TestCaseData(entry, parts).SetArgDisplayNames(name);

    private static SafeTensorsHeader Parse(string json, int dataLength)
    {
        byte[] file = RawTensor.File(json, new byte[dataLength]);
        return SafeTensorsHeader.Parse(file, file.Length, "model.safetensors");
    }

    private static void ExpectError(string json, int dataLength, string? subject, params string[] parts) =>
        CheckpointErrors.Expect(() => Parse(json, dataLength), "model.safetensors", subject, parts);
}
