using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// The header of a safetensors file: 8 bytes of length (little-endian), that many bytes of JSON, then the tensors' data
/// without holes. Pure: parsed from a span and the file's length, so that it can be tested and fuzzed without a file.
/// </summary>
/// <remarks>Format: https://github.com/huggingface/safetensors#format.</remarks>
public sealed class SafeTensorsHeader
{
    /// <summary>Bytes that hold the header's length.</summary>
    public const int PrefixLength = 8;

    /// <summary>Longest header the format allows, in bytes.</summary>
    public const int MaxLength = 100_000_000;

    /// <summary>The key that is no tensor.</summary>
    internal const string MetadataKey = "__metadata__";

    private SafeTensorsHeader(ImmutableArray<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata, long dataOffset)
    {
        Tensors = tensors;
        Metadata = metadata;
        DataOffset = dataOffset;
    }

    /// <summary>The tensors in the order of their data; offsets count from the file's first byte.</summary>
    public ImmutableArray<TensorInfo> Tensors { get; }

    /// <summary>The texts under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>First byte of data in the file.</summary>
    public long DataOffset { get; }

    /// <summary>Reads the length of the JSON from a file's first eight bytes and checks it against the file.</summary>
    /// <param name="prefix">The file's first bytes: <see cref="PrefixLength"/> of them, or all where it has fewer.</param>
    /// <param name="fileLength">The file's length in bytes.</param>
    /// <param name="file">The file's path, for messages.</param>
    /// <exception cref="CheckpointException">A file too short for its header, or a header longer than the format allows.</exception>
    public static int ReadLength(ReadOnlySpan<byte> prefix, long fileLength, string file)
    {
        if (fileLength < PrefixLength || prefix.Length < PrefixLength)
        {
            throw new CheckpointException(
                file, $"expected the 8 bytes of a safetensors header's length, found a file of {Math.Max(0, fileLength)} bytes");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxLength)
        {
            throw new CheckpointException(file, $"expected a header of at most {MaxLength} bytes, found a length of {length}");
        }

        if ((long)length > fileLength - PrefixLength)
        {
            throw new CheckpointException(
                file, $"expected {length} bytes of header after the first 8, found a file of {fileLength} bytes (truncated?)");
        }

        return (int)length;
    }

    /// <summary>Parses a header.</summary>
    /// <param name="start">The file from its first byte; at least the length and the JSON.</param>
    /// <param name="fileLength">The file's length in bytes.</param>
    /// <param name="file">The file's path, for messages and for <see cref="TensorInfo.File"/>.</param>
    /// <exception cref="CheckpointException">
    /// Anything the format forbids: a bad length, no UTF-8 or JSON, a key twice, a type that is unknown or no weight type, a shape that
    /// is negative, overflows or does not fit its bytes, data out of the file, overlapping or with holes.
    /// </exception>
    public static SafeTensorsHeader Parse(ReadOnlySpan<byte> start, long fileLength, string file)
    {
        int length = ReadLength(start, fileLength, file);
        if (start.Length - PrefixLength < length)
        {
            throw new ArgumentException("the span ends within the header", nameof(start));
        }

        var json = start.Slice(PrefixLength, length);
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw new CheckpointException(file, "expected a header that begins with '{', found none (not a safetensors file?)");
        }

        using var document = JsonFields.Parse(json, file);
        long dataOffset = PrefixLength + length;
        long dataLength = fileLength - dataOffset;
        var tensors = new List<TensorInfo>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            if (entry.NameEquals(MetadataKey))
            {
                ReadMetadata(entry.Value, metadata, file);
            }
            else
            {
                tensors.Add(ReadTensor(entry.Name, entry.Value, dataOffset, dataLength, file));
            }
        }

        var ordered = tensors.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.ByteLength).ToImmutableArray();
        CheckNoHoles(ordered, dataOffset, fileLength, file);
        return new SafeTensorsHeader(ordered, metadata, dataOffset);
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string file)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(file, $"expected an object of strings, found {StrictJson.Quote(value)}", MetadataKey);
        }

        foreach (var entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
            {
                throw new CheckpointException(
                    file, $"expected a string, found {StrictJson.Quote(entry.Value)}", StrictJson.OneLine($"{MetadataKey}.{entry.Name}"));
            }

            metadata.Add(entry.Name, entry.Value.GetString()!);
        }
    }

    private static TensorInfo ReadTensor(string name, JsonElement value, long dataOffset, long dataLength, string file)
    {
        string subject = StrictJson.OneLine(name);
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(file, $"expected an object with dtype, shape and data_offsets, found {StrictJson.Quote(value)}", subject);
        }

        var typeName = Field(value, "dtype", JsonValueKind.String, "a string", file, subject);
        var type = SafeTensorsTypes.Parse(typeName.GetString()!, file, subject);
        var shape = Numbers(Field(value, "shape", JsonValueKind.Array, "an array", file, subject), "shape", file, subject);
        var offsets = Numbers(Field(value, "data_offsets", JsonValueKind.Array, "an array", file, subject), "data_offsets", file, subject);
        if (offsets.Length != 2)
        {
            throw new CheckpointException(file, $"expected two data_offsets, found {offsets.Length}", subject);
        }

        long begin = offsets[0];
        long end = offsets[1];
        if (begin > end || end > dataLength)
        {
            throw new CheckpointException(
                file, $"expected data_offsets in order and within the file's {dataLength} bytes of data, found [{begin}, {end}]", subject);
        }

        long byteLength = ByteLength(shape, type) ?? throw new CheckpointException(
            file, $"expected a shape whose size fits into 63 bits, found {TensorShape.Format(shape)}", subject);
        if (byteLength != end - begin)
        {
            throw new CheckpointException(
                file,
                $"expected {byteLength} bytes for {typeName.GetString()} {TensorShape.Format(shape)}, found data_offsets [{begin}, {end}] of {end - begin}",
                subject);
        }

        return new TensorInfo(name, type, shape, file, dataOffset + begin, byteLength);
    }

    /// <summary>Bytes of a tensor, or null where they do not fit into 63 bits.</summary>
    internal static long? ByteLength(ImmutableArray<long> shape, TensorType type)
    {
        UInt128 bytes = (UInt128)type.ElementSize();
        foreach (long extent in shape)
        {
            bytes *= (UInt128)extent;
            if (bytes > long.MaxValue)
            {
                return null;
            }
        }

        return (long)bytes;
    }

    private static JsonElement Field(JsonElement tensor, string name, JsonValueKind kind, string expected, string file, string subject)
    {
        if (!tensor.TryGetProperty(name, out var value))
        {
            throw new CheckpointException(file, $"expected a {name}, found none", subject);
        }

        return value.ValueKind == kind
            ? value
            : throw new CheckpointException(file, $"expected {expected} for {name}, found {StrictJson.Quote(value)}", subject);
    }

    private static ImmutableArray<long> Numbers(JsonElement array, string name, string file, string subject)
    {
        var numbers = ImmutableArray.CreateBuilder<long>(array.GetArrayLength());
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out long number) || number < 0)
            {
                throw new CheckpointException(
                    file, $"expected whole numbers from 0 to {long.MaxValue} in {name}, found {StrictJson.Quote(item)}", subject);
            }

            numbers.Add(number);
        }

        return numbers.MoveToImmutable();
    }

    private static void CheckNoHoles(ImmutableArray<TensorInfo> ordered, long dataOffset, long fileLength, string file)
    {
        long next = dataOffset;
        string before = "the header";
        foreach (var tensor in ordered)
        {
            string subject = StrictJson.OneLine(tensor.Name);
            if (tensor.Offset < next)
            {
                throw new CheckpointException(
                    file, $"expected data from byte {next - dataOffset} (after {before}), found an overlap from {tensor.Offset - dataOffset}", subject);
            }

            if (tensor.Offset > next)
            {
                throw new CheckpointException(
                    file, $"expected data from byte {next - dataOffset} (after {before}), found a hole up to {tensor.Offset - dataOffset}", subject);
            }

            next = tensor.Offset + tensor.ByteLength;
            before = subject;
        }

        if (next != fileLength)
        {
            throw new CheckpointException(
                file, $"expected the file to end with {before} at byte {next}, found {fileLength - next} more bytes that no tensor claims");
        }
    }
}
