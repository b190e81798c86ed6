using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// The file of one compiled kernel: magic (8 bytes), version (i32), key (32 bytes), length of the contents (i64), SHA-256 of the
/// contents, contents. Numbers have their lowest byte first. A file that is short, long or changed anywhere is no entry.
/// </summary>
internal static class KernelCacheEntry
{
    /// <summary>Bytes before the contents.</summary>
    public const int HeaderBytes = KeyAt + KernelKey.Bytes + sizeof(long) + SHA256.HashSizeInBytes;

    private const int Version = 1;
    private const int KeyAt = 8 + sizeof(int);
    private const int LengthAt = KeyAt + KernelKey.Bytes;
    private const int HashAt = LengthAt + sizeof(long);

    private static ReadOnlySpan<byte> Magic => "LLAMAKRN"u8;

    /// <summary>The bytes of a file.</summary>
    public static byte[] Encode(KernelKey key, ReadOnlySpan<byte> contents)
    {
        byte[] file = new byte[HeaderBytes + contents.Length];
        Span<byte> bytes = file;
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[Magic.Length..], Version);
        Convert.FromHexString(key.Hex).CopyTo(bytes[KeyAt..]);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[LengthAt..], contents.Length);
        SHA256.HashData(contents, bytes[HashAt..]);
        contents.CopyTo(bytes[HeaderBytes..]);
        return file;
    }

    /// <summary>The contents of a file; null if it is not a whole and unchanged file of this key.</summary>
    public static byte[]? Decode(KernelKey key, ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderBytes
            || !file.StartsWith(Magic)
            || BinaryPrimitives.ReadInt32LittleEndian(file[Magic.Length..]) != Version
            || !file[KeyAt..LengthAt].SequenceEqual(Convert.FromHexString(key.Hex))
            || BinaryPrimitives.ReadInt64LittleEndian(file[LengthAt..]) != file.Length - HeaderBytes)
        {
            return null;
        }

        ReadOnlySpan<byte> contents = file[HeaderBytes..];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(contents, hash);
        return file[HashAt..HeaderBytes].SequenceEqual(hash) ? contents.ToArray() : null;
    }
}
