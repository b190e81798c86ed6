using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Llama.Gpu.Checkpoints;

/// <summary>Reads the values of a GGUF file's header one after another; what does not fit is an error.</summary>
internal sealed class GgufReader(IByteSource file)
{
    private const int LongestText = 1 << 20;
    private const int MostItems = 1 << 24;

    // by number, as in gguf.md: bytes of a value, 0 for those without a fixed size
    private static readonly int[] Sizes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

    /// <summary>Where the next value begins.</summary>
    public long Position { get; private set; }

    /// <summary>A whole number of 32 bits.</summary>
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <summary>A whole number of 64 bits that fits into 63.</summary>
    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8)) is >= 0 and var value ? value : throw Error("expected a number below 2^63");

    /// <summary>A number of things, each of which takes some bytes, so that the file says how many there can be.</summary>
    public int Count(int bytesEach)
    {
        long count = Int64();
        return count <= Math.Min(MostItems, (file.Length - Position) / bytesEach)
            ? (int)count
            : throw Error($"expected at most {Math.Min(MostItems, (file.Length - Position) / bytesEach)} items in the rest of the file, found {count}");
    }

    /// <summary>A text.</summary>
    public string Text()
    {
        long length = Int64();
        if (length > LongestText)
        {
            throw Error($"expected a text of at most {LongestText} bytes, found {length}");
        }

        var bytes = Take((int)length);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Error("expected text in UTF-8, found other bytes");
    }

    /// <summary>A value with its type before it: <see cref="long"/>, <see cref="double"/>, <see cref="bool"/>, <see cref="string"/> or an array of one.</summary>
    public object Value()
    {
        uint type = UInt32();
        if (type != 9)
        {
            return Scalar(type);
        }

        uint itemType = UInt32();
        if (itemType >= Sizes.Length || itemType == 9)
        {
            throw Error($"expected an array of numbers or texts, found one of type {itemType}");
        }

        int count = Count(itemType == 8 ? 8 : Sizes[itemType]);
        return itemType switch
        {
            8 => Items(count, Text),
            6 or 12 => Items(count, () => (double)Scalar(itemType)),
            7 => Items(count, () => (bool)Scalar(itemType)),
            _ => Items(count, () => (long)Scalar(itemType)),
        };
    }

    private static T[] Items<T>(int count, Func<T> read)
    {
        var items = new T[count];
        for (int i = 0; i < count; i++)
        {
            items[i] = read();
        }

        return items;
    }

    private object Scalar(uint type) => type switch
    {
        0 => (long)Take(1)[0],
        1 => (long)(sbyte)Take(1)[0],
        2 => (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        3 => (long)BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        4 => (long)UInt32(),
        5 => (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
        6 => (double)BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        7 => Take(1)[0] != 0,
        8 => Text(),
        10 => Int64(),
        11 => BinaryPrimitives.ReadInt64LittleEndian(Take(8)),
        12 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
        _ => throw Error($"expected a value of type 0 to 12, found {type}"),
    };

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > file.Length - Position)
        {
            throw Error($"expected {count} more bytes, found {file.Length - Position} (truncated?)");
        }

        var bytes = file.Read(Position, count);
        Position += count;
        return bytes;
    }

    private CheckpointException Error(string problem) => new(file.Path, $"{problem} at byte {Position}");
}
