using System.Collections.Immutable;
using System.Globalization;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>A file of llama.cpp's: its metadata and its tensors, used in place; those in Q8_0 are widened to f32 as they are read.</summary>
/// <remarks>Format: docs/gguf.md of ggml, versions 2 and 3.</remarks>
internal sealed class GgufFile
{
    private const int ShortestTensor = 24; // a name's length, a number of dimensions, a type, an offset
    private const int ShortestEntry = 13; // a key's length, a type, a value
    private const int MostDimensions = 4;
    private const long DefaultAlignment = 32;

    private readonly IByteSource _file;
    private readonly Dictionary<string, object> _metadata;

    private GgufFile(GgufFile first, ImmutableArray<StoredTensor> tensors)
    {
        _file = first._file;
        _metadata = first._metadata;
        Tensors = tensors;
    }

    private GgufFile(IByteSource file)
    {
        _file = file;
        _metadata = new(StringComparer.Ordinal);
        var reader = new GgufReader(file);
        if (file.Length < 4 || reader.UInt32() != 0x46554747)
        {
            throw new CheckpointException(file.Path, "expected a file that begins with GGUF, found another");
        }

        uint version = reader.UInt32();
        if (version is not (2 or 3))
        {
            throw new CheckpointException(file.Path, $"expected version 2 or 3 of the format, found {version}");
        }

        int tensors = reader.Count(ShortestTensor);
        int entries = reader.Count(ShortestEntry);
        for (int i = 0; i < entries; i++)
        {
            string key = reader.Text();
            if (!_metadata.TryAdd(key, reader.Value()))
            {
                throw new CheckpointException(file.Path, "expected each key once, found it twice", StrictJson.OneLine(key));
            }
        }

        long alignment = OptionalInteger("general.alignment", 1, 1 << 20) ?? DefaultAlignment;
        var headers = Enumerable.Range(0, tensors).Select(_ => ReadHeader(reader)).ToArray();
        long start = (reader.Position + alignment - 1) / alignment * alignment;
        Tensors = [.. headers.Select(header => Place(header, start))];
    }

    /// <summary>The file's path.</summary>
    public string Path => _file.Path;

    /// <summary>The tensors in the file's order, by llama.cpp's names.</summary>
    public ImmutableArray<StoredTensor> Tensors { get; }

    /// <summary>Reads a file's header; the file stays the caller's.</summary>
    /// <exception cref="CheckpointException">Malformed, or with tensors of a type that is not supported.</exception>
    public static GgufFile Read(IByteSource file) => new(file);

    /// <summary>This file's metadata with the tensors of several.</summary>
    public GgufFile WithTensors(ImmutableArray<StoredTensor> tensors) => new(this, tensors);

    /// <summary>A whole number in the metadata, or null where there is none.</summary>
    /// <exception cref="CheckpointException">Another type, or out of range.</exception>
    public int? OptionalInteger(string key, int minimum, int maximum) => Optional<object>(key) switch
    {
        null => null,
        long value when value >= minimum && value <= maximum => (int)value,
        var other => throw Error(
            key, string.Create(CultureInfo.InvariantCulture, $"expected a whole number from {minimum} to {maximum}, found {Show(other)}")),
    };

    /// <summary>A whole number in the metadata.</summary>
    /// <exception cref="CheckpointException">None, another type, or out of range.</exception>
    public int Integer(string key, int minimum, int maximum) => OptionalInteger(key, minimum, maximum) ?? throw Error(key, "expected a number, found none");

    /// <summary>A number above one bound and at most another, or null where there is none.</summary>
    /// <exception cref="CheckpointException">Another type, or out of range.</exception>
    public double? OptionalNumber(string key, double above, double atMost) => Optional<object>(key) switch
    {
        null => null,
        double value when value > above && value <= atMost => value,
        var other => throw Error(key, string.Create(CultureInfo.InvariantCulture, $"expected a number above {above} and at most {atMost}, found {Show(other)}")),
    };

    /// <summary>A value of some type, or null where there is none.</summary>
    /// <exception cref="CheckpointException">A value of another type.</exception>
    public T? Optional<T>(string key)
        where T : class =>
        !_metadata.TryGetValue(key, out object? value) ? null
            : value as T ?? throw Error(key, $"expected a value of another type, found {Show(value)}");

    /// <summary>True or false, or null where there is none.</summary>
    public bool? OptionalFlag(string key) => Optional<object>(key) switch
    {
        null => null,
        bool flag => flag,
        var other => throw Error(key, $"expected true or false, found {Show(other)}"),
    };

    /// <summary>An error about a field of the metadata.</summary>
    public CheckpointException Error(string key, string problem) => new(Path, problem, key);

    private static string Show(object value) =>
        value is Array array ? $"an array of {array.Length}" : StrictJson.OneLine(Convert.ToString(value, CultureInfo.InvariantCulture)!);

    private static (string Name, ImmutableArray<long> Shape, uint Type, long Offset) ReadHeader(GgufReader reader)
    {
        string name = reader.Text();
        uint dimensions = reader.UInt32();
        long[] shape = new long[Math.Min(dimensions, MostDimensions + 1)];
        for (int i = 0; i < shape.Length; i++)
        {
            shape[^(i + 1)] = reader.Int64(); // innermost first
        }

        return (name, [.. shape], reader.UInt32(), reader.Int64());
    }

    private StoredTensor Place((string Name, ImmutableArray<long> Shape, uint Type, long Offset) header, long start)
    {
        string subject = StrictJson.OneLine(header.Name);
        if (header.Shape.Length is 0 or > MostDimensions)
        {
            throw new CheckpointException(Path, $"expected 1 to {MostDimensions} dimensions, found another number", subject);
        }

        bool quantized = header.Type == Q8Content.TypeNumber;
        TensorType type = header.Type switch
        {
            0 or Q8Content.TypeNumber => TensorType.Float32,
            1 => TensorType.Float16,
            30 => TensorType.BFloat16,
            _ => throw new CheckpointException(
                Path, $"expected type F32, F16, BF16 or Q8_0 (numbers 0, 1, 30, 8), found number {header.Type}, which is not supported", subject),
        };
        long length = SafeTensorsHeader.ByteLength(header.Shape, type) ?? long.MaxValue;
        if (quantized && header.Shape[^1] % Q8Content.BlockValues != 0)
        {
            throw new CheckpointException(Path, $"expected rows of whole blocks of {Q8Content.BlockValues}, found {header.Shape[^1]}", subject);
        }

        long stored = quantized ? length / (Q8Content.BlockValues * sizeof(float)) * Q8Content.BlockBytes : length;
        if (start > _file.Length || header.Offset > _file.Length - start || stored > _file.Length - start - header.Offset)
        {
            throw new CheckpointException(
                Path, $"expected {stored} bytes from byte {header.Offset} of the data, found a file of {_file.Length} bytes (truncated?)", subject);
        }

        long offset = start + header.Offset;
        TensorContent content = quantized ? new Q8Content(_file, offset) : new DenseContent(_file, offset, length);
        return new StoredTensor(new TensorInfo(header.Name, type, header.Shape, Path, offset, length), content);
    }
}
