using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>A file in an archive: where its bytes are.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Offset">First byte in the archive.</param>
/// <param name="Length">Number of bytes.</param>
internal sealed record ZipEntry(string Name, long Offset, long Length);

/// <summary>
/// The directory of a zip archive whose files are stored as they are, as PyTorch writes it: so their bytes can be used in
/// place. Nothing is ever unpacked, so an archive cannot grow on being read; what is compressed is refused.
/// </summary>
/// <remarks>Format: PKWARE's APPNOTE 6.3.9, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, with the 64-bit sizes of 4.5.3.</remarks>
internal sealed class ZipDirectory
{
    private const int EndLength = 22;
    private const int End64Length = 56;
    private const int Locator64Length = 20;
    private const int EntryLength = 46;
    private const int LocalLength = 30;
    private const int LongestDirectory = 16 << 20; // some hundred thousand tensors

    private readonly IByteSource _file;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    private ZipDirectory(IByteSource file) => _file = file;

    /// <summary>The files by name.</summary>
    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    /// <summary>Whether a file begins as an archive does.</summary>
    public static bool IsZip(IByteSource file) => file.Length >= 4 && file.Read(0, 4).SequenceEqual("PK\u0003\u0004"u8);

    /// <summary>Reads the directory.</summary>
    /// <exception cref="CheckpointException">No archive, one cut short or out of bounds, or one with compressed or encrypted files.</exception>
    public static ZipDirectory Read(IByteSource file)
    {
        var directory = new ZipDirectory(file);
        var (offset, length, count) = directory.FindDirectory();
        if (offset < 0 || length < 0 || length > LongestDirectory || offset > file.Length - length)
        {
            throw directory.Error($"expected a directory of at most {LongestDirectory} bytes within the file, found {length} from byte {offset}");
        }

        directory.ReadEntries(file.Read(offset, (int)length), count);
        return directory;
    }

    private (long Offset, long Length, long Count) FindDirectory()
    {
        // behind the record may stand a comment of up to 64 KiB
        int tail = (int)Math.Min(_file.Length, EndLength + ushort.MaxValue);
        long tailStart = _file.Length - tail;
        var bytes = _file.Read(tailStart, tail);
        int at = bytes.LastIndexOf("PK\u0005\u0006"u8);
        if (at < 0 || at > tail - EndLength)
        {
            throw Error("expected a zip archive, found no end of its directory (truncated?)");
        }

        var end = bytes[at..];
        long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
        if (count != ushort.MaxValue && length != uint.MaxValue && offset != uint.MaxValue)
        {
            return (offset, length, count);
        }

        long locator = tailStart + at - Locator64Length;
        if (locator < 0 || !_file.Read(locator, 4).SequenceEqual("PK\u0006\u0007"u8))
        {
            return (offset, length, count);
        }

        long end64 = BinaryPrimitives.ReadInt64LittleEndian(_file.Read(locator + 8, 8));
        if (end64 < 0 || end64 > _file.Length - End64Length || !_file.Read(end64, 4).SequenceEqual("PK\u0006\u0006"u8))
        {
            throw Error($"expected the 64-bit end of the directory at byte {end64}, found none");
        }

        var record = _file.Read(end64, End64Length);
        return (
            BinaryPrimitives.ReadInt64LittleEndian(record[48..]),
            BinaryPrimitives.ReadInt64LittleEndian(record[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(record[32..]));
    }

    private void ReadEntries(ReadOnlySpan<byte> directory, long count)
    {
        for (long i = 0; i < count; i++)
        {
            if (directory.Length < EntryLength || !directory.StartsWith("PK\u0001\u0002"u8))
            {
                throw Error(string.Create(CultureInfo.InvariantCulture, $"expected {count} files in the directory, found its end after {i}"));
            }

            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[28..]);
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[30..]);
            int commentLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[32..]);
            int whole = EntryLength + nameLength + extraLength + commentLength;
            if (directory.Length < whole)
            {
                throw Error("expected a file's name within the directory, found the directory's end");
            }

            string name = Encoding.UTF8.GetString(directory.Slice(EntryLength, nameLength));
            ReadEntry(name, directory[..EntryLength], directory.Slice(EntryLength + nameLength, extraLength));
            directory = directory[whole..];
        }
    }

    private void ReadEntry(string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        string subject = StrictJson.OneLine(name);
        int flags = BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]);
        int method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        if (method != 0 || (flags & 1) != 0)
        {
            throw Error($"expected a file stored as it is, found {(method != 0 ? $"compression method {method}" : "encryption")}", subject);
        }

        long packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
        long local = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        Widen(extra, ref length, ref packed, ref local);
        if (packed != length)
        {
            throw Error($"expected as many bytes stored as unpacked, found {packed} and {length}", subject);
        }

        if (local < 0 || local > _file.Length - LocalLength || !_file.Read(local, 4).SequenceEqual("PK\u0003\u0004"u8))
        {
            throw Error($"expected the file's own header at byte {local}, found none", subject);
        }

        var header = _file.Read(local, LocalLength);
        long start = local + LocalLength + BinaryPrimitives.ReadUInt16LittleEndian(header[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        if (length < 0 || start > _file.Length || length > _file.Length - start)
        {
            throw Error($"expected {length} bytes from byte {start}, found a file of {_file.Length} bytes (truncated?)", subject);
        }

        if (!_entries.TryAdd(name, new ZipEntry(name, start, length)))
        {
            throw Error("expected each file once, found it twice", subject);
        }
    }

    // sizes that do not fit into 32 bits are all ones, and stand in an extra field, in this order
    private static void Widen(ReadOnlySpan<byte> extra, ref long length, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(extra);
            int size = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]), extra.Length - 4);
            if (id == 1)
            {
                var values = extra.Slice(4, size);
                WidenOne(ref length, ref values);
                WidenOne(ref packed, ref values);
                WidenOne(ref local, ref values);
                return;
            }

            extra = extra[(4 + size)..];
        }
    }

    private static void WidenOne(ref long value, ref ReadOnlySpan<byte> values)
    {
        if (value == uint.MaxValue && values.Length >= 8)
        {
            value = BinaryPrimitives.ReadInt64LittleEndian(values);
            values = values[8..];
        }
    }

    private CheckpointException Error(string problem, string? subject = null) => new(_file.Path, problem, subject);
}
