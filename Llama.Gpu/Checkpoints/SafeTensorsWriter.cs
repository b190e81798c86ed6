using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Llama.Gpu.Checkpoints;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">Name under which readers find it.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Extent of each dimension, outermost first.</param>
public sealed record TensorSpec(string Name, TensorType Type, ImmutableArray<long> Shape);

/// <summary>Computes a part of a tensor's bytes.</summary>
/// <param name="tensor">The tensor.</param>
/// <param name="byteOffset">First byte, counted from the tensor's start; a multiple of <see cref="SafeTensorsWriter.ChunkLength"/>.</param>
/// <param name="destination">All of it must be filled, little-endian.</param>
public delegate void TensorFill(TensorInfo tensor, long byteOffset, Span<byte> destination);

/// <summary>
/// Writes safetensors files piece by piece, so that a file may be larger than memory. Data goes to a temporary file in the same
/// folder that takes its name only when it is complete: a reader never sees half a file.
/// </summary>
public static class SafeTensorsWriter
{
    /// <summary>Most bytes that are asked for at once.</summary>
    public const int ChunkLength = 4 << 20;

    // what transformers asks of a file's metadata before it reads it
    private static readonly KeyValuePair<string, string> PyTorchFormat = new("format", "pt");

    /// <summary>Writes a file, replacing one of the same name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Its tensors; their data is laid out by falling element size, then by name, as the reference writer does.</param>
    /// <param name="fill">Called for each part of each tensor once; by several threads at once where <paramref name="threads"/> allows.</param>
    /// <param name="threads">Most threads to use.</param>
    /// <param name="progress">Told the bytes of data written so far, in no strict order.</param>
    /// <param name="cancellationToken">Checked between parts; nothing is left behind.</param>
    /// <exception cref="CheckpointException">The file cannot be written, for want of space for example; nothing is left behind.</exception>
    /// <exception cref="ArgumentException">Two tensors of one name, a name that the format reserves, or a shape that overflows.</exception>
    public static void Write(
        string path,
        IReadOnlyList<TensorSpec> tensors,
        TensorFill fill,
        int threads = 1,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var (header, layout) = Layout(tensors, path);
        long length = layout.Count == 0 ? header.Length : layout[^1].Offset + layout[^1].ByteLength;
        WriteThenRename(path, length, handle =>
        {
            RandomAccess.Write(handle, header, fileOffset: 0);
            WriteData(handle, layout, fill, threads, progress, cancellationToken);
        });
    }

    /// <summary>Writes a small file whole, by way of a temporary one.</summary>
    /// <exception cref="CheckpointException">The file cannot be written; nothing is left behind.</exception>
    internal static void WriteWhole(string path, byte[] content) =>
        WriteThenRename(path, content.Length, handle => RandomAccess.Write(handle, content, fileOffset: 0));

    private static void WriteThenRename(string path, long length, Action<SafeFileHandle> write)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.partial");
        try
        {
            // asking for the space at once tells of a full disk before the work rather than after it
            using (var handle = File.OpenHandle(
                temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, preallocationSize: length))
            {
                write(handle);

                // else a power cut after the renaming could leave the name on a file of zeros
                RandomAccess.FlushToDisk(handle);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            TryDelete(temporary);
            throw new CheckpointException(path, $"cannot write {length} bytes: {error.Message}", inner: error);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    private static void WriteData(
        SafeFileHandle handle,
        List<TensorInfo> layout,
        TensorFill fill,
        int threads,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        long written = 0;
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, threads), CancellationToken = cancellationToken };
        try
        {
            // unbuffered, or a thread would take chunks by the hundred and leave the others idle at the end
            Parallel.ForEach(Partitioner.Create(Chunks(layout), EnumerablePartitionerOptions.NoBuffering), options, chunk =>
            {
                byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkLength);
                try
                {
                    var part = buffer.AsSpan(0, chunk.Count);
                    fill(chunk.Tensor, chunk.Offset, part);
                    RandomAccess.Write(handle, part, chunk.Tensor.Offset + chunk.Offset);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }

                progress?.Report(Interlocked.Add(ref written, chunk.Count));
            });
        }
        catch (AggregateException errors)
        {
            // several threads may have failed; the first to do so says why
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }
    }

    private static IEnumerable<(TensorInfo Tensor, long Offset, int Count)> Chunks(List<TensorInfo> layout)
    {
        foreach (var tensor in layout)
        {
            for (long offset = 0; offset < tensor.ByteLength; offset += ChunkLength)
            {
                yield return (tensor, offset, (int)Math.Min(ChunkLength, tensor.ByteLength - offset));
            }
        }
    }

    private static (byte[] Header, List<TensorInfo> Tensors) Layout(IReadOnlyList<TensorSpec> tensors, string path)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var relative = new List<TensorInfo>(tensors.Count);
        long end = 0;
        foreach (var spec in tensors.OrderByDescending(spec => spec.Type.ElementSize()).ThenBy(spec => spec.Name, StringComparer.Ordinal))
        {
            if (spec.Name == SafeTensorsHeader.MetadataKey || !names.Add(spec.Name))
            {
                throw new ArgumentException($"a tensor cannot be named {spec.Name}: the name is taken", nameof(tensors));
            }

            if (spec.Shape.Any(extent => extent < 0)
                || SafeTensorsHeader.ByteLength(spec.Shape, spec.Type) is not { } length
                || length > long.MaxValue - SafeTensorsHeader.PrefixLength - SafeTensorsHeader.MaxLength - end)
            {
                throw new ArgumentException($"{spec.Name} of shape {TensorShape.Format(spec.Shape)} does not fit into a file", nameof(tensors));
            }

            relative.Add(new TensorInfo(spec.Name, spec.Type, spec.Shape, path, end, length));
            end += length;
        }

        byte[] header = Header(relative);
        return (header, relative.ConvertAll(tensor => tensor with { Offset = header.Length + tensor.Offset }));
    }

    private static byte[] Header(List<TensorInfo> tensors)
    {
        using var buffer = new MemoryStream();
        buffer.Write(new byte[SafeTensorsHeader.PrefixLength]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafeTensorsHeader.MetadataKey);
            json.WriteString(PyTorchFormat.Key, PyTorchFormat.Value);
            json.WriteEndObject();
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", SafeTensorsTypes.Name(tensor.Type));
                WriteNumbers(json, "shape", [.. tensor.Shape]);
                WriteNumbers(json, "data_offsets", [tensor.Offset, tensor.Offset + tensor.ByteLength]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // spaces up to a multiple of 8, so that data is aligned for every element type
        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        if (buffer.Length - SafeTensorsHeader.PrefixLength > SafeTensorsHeader.MaxLength)
        {
            throw new ArgumentException($"a header of {buffer.Length} bytes is longer than the format allows", nameof(tensors));
        }

        byte[] header = buffer.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)(header.Length - SafeTensorsHeader.PrefixLength));
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    // the error that led here is the one to report
    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }
}
