using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Files made to cost time or memory: each ends in a typed error within a second and 200 MB.</summary>
public sealed class HostileFileTests
{
    private const long Absurd = 1L << 60;
    private static readonly byte[] Deep = [.. Enumerable.Repeat((byte)'[', 1 << 20)];

    public static IEnumerable<TestCaseData> Cases() =>
    [
        PyTorch(
            "Archive_that_unpacks_to_a_thousand_times_as_much",
            () => PickleBuilder.Archive(new PickleBuilder().Raw('}', '.').ToArray(), [new byte[64 << 20]], CompressionLevel.Fastest)),
        PyTorch("Archive_of_absurdly_many_entries", () => Directory(end => end.Slice(8, 4).Fill(0xFF))),
        PyTorch("Archive_whose_directory_lies_far_beyond_its_end", () => Directory(end => end.Slice(12, 8).Fill(0xFE))),
        PyTorch("Archive_cut_in_the_middle", () => Directory(_ => { })[..200]),
        Pickle("Pickle_that_doubles_itself_a_hundred_times", Doubling(100)),
        Pickle("Pickle_nested_half_a_million_deep", Nested()),
        Pickle(
            "Pickle_of_lists_within_each_other",
            new PickleBuilder().Raw('}', 'q', 0).Text("a").Raw(']', 'q', 1, 'h', 0, 'a', 'h', 1, 'a', 's').Text("b").Raw('h', 0, 's', '.')),
        Pickle("Pickle_with_a_text_of_4_GB", new PickleBuilder().Raw('X', 0xFF, 0xFF, 0xFF, 0xFF, 'a', '.')),
        Pickle(
            "Pickle_with_a_tensor_of_absurd_size",
            new PickleBuilder().Raw('}').Text("a").Tensor("0", Absurd, 0, [Absurd, Absurd], [1, 0]).Raw('s', '.')),
        Gguf("Gguf_of_absurdly_many_tensors", at: 8),
        Gguf("Gguf_of_absurdly_many_entries", at: 16),
        Gguf("Gguf_with_an_absurdly_long_key", at: 24),
        Gguf("Gguf_with_an_absurdly_long_array", at: 24 + 8 + 1 + 4 + 4),
        SafeTensors("Safetensors_with_an_absurdly_long_header", "{}"u8.ToArray(), length: Absurd),
        SafeTensors("Safetensors_header_nested_a_million_deep", Deep),
        SafeTensors(
            "Safetensors_of_an_absurd_shape",
            Encoding.UTF8.GetBytes($$$"""{"a":{"dtype":"F32","shape":[{{{Absurd}}},{{{Absurd}}}],"data_offsets":[0,{{{Absurd}}}]}}""")),
        Json("Config_json_nested_a_million_deep", json => HuggingFaceConfig.Parse(json, "config.json")),
        Json("Index_nested_a_million_deep", json => ShardIndex.Parse(json, ShardIndex.SafeTensorsName)),
        Json("Params_json_nested_a_million_deep", json => MetaParams.Parse(json, "params.json", _ => 0, tiedHead: false)),
        Json("Tokenizer_json_nested_a_million_deep", json => HuggingFaceTokenizer.Parse(json, "tokenizer.json")),
        Json("Tokenizer_config_nested_a_million_deep", json => TokenRoles.Parse(json, "tokenizer_config.json")),
        Case("SentencePiece_with_a_piece_of_2_GB", () => [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x0A], ReadSentencePiece),
        Case(
            "SentencePiece_of_groups_nested_a_million_deep",
            () => [0x0A, 0x03, 0x0A, 0x01, 0x61, .. Enumerable.Repeat((byte)0x7B, 1 << 20)],
            ReadSentencePiece),
        Case("Tiktoken_with_an_absurd_rank", () => "IQ== 99999999999999999999\n"u8.ToArray(), ReadTiktoken),
        Case("Tiktoken_with_a_token_of_20_MB", () => [.. Enumerable.Repeat((byte)'A', 20 << 20), .. " 0\n"u8], ReadTiktoken),
    ];

    [TestCaseSource(nameof(Cases))]
    public void Ends_in_a_typed_error_within_a_second_and_200_MB(Func<byte[]> make, Action<byte[]> read)
    {
        byte[] file = make();
        Exception? error = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        var time = ThreadTime.Of(() =>
        {
            try
            {
                read(file);
            }
            catch (LlamaException expected)
            {
                error = expected;
            }
        });
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(error, Is.TypeOf<CheckpointException>().Or.TypeOf<TokenizerException>());
        Assert.That(error!.Message, Does.Not.Contain('\n'));
        Assert.That(time, Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(allocated, Is.LessThan(200 << 20));
    }

    private static TestCaseData Case(string name, Func<byte[]> make, Action<byte[]> read) => new TestCaseData(make, read).SetName(name);

    private static TestCaseData PyTorch(string name, Func<byte[]> make) =>
        Case(name, make, bytes => PyTorchFile.Read(new MemorySource("model.pth", bytes)));

    private static TestCaseData Pickle(string name, PickleBuilder pickle) => PyTorch(name, () => PickleBuilder.Archive(pickle.ToArray(), [new byte[24]]));

    private static TestCaseData Json(string name, Action<byte[]> read) => Case(name, () => Deep, read);

    // a header of one entry, a list of numbers, with one of its counts changed
    private static TestCaseData Gguf(string name, int at) => Case(
        name,
        () =>
        {
            byte[] bytes = new GgufBuilder().Add("a", [1, 2, 3]).ToArray();
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), Absurd);
            return bytes;
        },
        bytes => GgufFile.Read(new MemorySource("model.gguf", bytes)));

    private static TestCaseData SafeTensors(string name, byte[] header, long? length = null) => Case(
        name,
        () =>
        {
            byte[] start = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(start, length ?? header.Length);
            return [.. start, .. header];
        },
        bytes => SafeTensorsHeader.Parse(bytes, bytes.Length, "model.safetensors"));

    private static void ReadSentencePiece(byte[] bytes) => SentencePieceTokenizer.Parse(bytes, "tokenizer.model");

    private static void ReadTiktoken(byte[] bytes) => TiktokenTokenizer.Parse(bytes, "tokenizer.model");

    // a sound archive with a change in the record of 22 bytes that ends it
    private static byte[] Directory(SpanAction<byte> change)
    {
        byte[] archive = PickleBuilder.Archive(new PickleBuilder().Raw('}', '.').ToArray(), [new byte[24]]);
        change(archive.AsSpan(archive.Length - 22));
        return archive;
    }

    // each tuple holds the one before twice
    private static PickleBuilder Doubling(int times)
    {
        var pickle = new PickleBuilder().Raw('}').Text("a").Raw(')');
        for (int i = 0; i < times; i++)
        {
            pickle.Raw('q', i, 'h', i, 0x86);
        }

        return pickle.Raw('s', '.');
    }

    // a tuple within a tuple, as value and as key
    private static PickleBuilder Nested() =>
        new PickleBuilder().Raw('}', ')').Raw([.. Enumerable.Repeat(0x85, 500_000)]).Raw('q', 0, 'h', 0, 's', '.');

    private delegate void SpanAction<T>(Span<T> span);
}
