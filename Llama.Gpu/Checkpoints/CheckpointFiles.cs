using Microsoft.Win32.SafeHandles;

namespace Llama.Gpu.Checkpoints;

/// <summary>Access to a checkpoint's files, with the operating system's errors turned into <see cref="CheckpointException"/>.</summary>
internal static class CheckpointFiles
{
    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="CheckpointException">It is not there or cannot be read.</exception>
    public static SafeFileHandle OpenRead(string path) =>
        Guard(path, () =>
        {
            if (Directory.Exists(path))
            {
                throw new CheckpointException(path, "expected a file, found a folder");
            }

            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        });

    /// <summary>A small file's whole content.</summary>
    /// <exception cref="CheckpointException">It is not there, cannot be read, or is longer than <paramref name="maxLength"/> bytes.</exception>
    public static byte[] ReadAll(string path, int maxLength)
    {
        using var handle = OpenRead(path);
        return Guard(path, () =>
        {
            long length = RandomAccess.GetLength(handle);
            if (length > maxLength)
            {
                throw new CheckpointException(path, $"expected at most {maxLength} bytes, found {length}");
            }

            return ReadStart(handle, path, (int)length);
        });
    }

    /// <summary>A file's first bytes.</summary>
    /// <exception cref="CheckpointException">It ends before, or cannot be read.</exception>
    public static byte[] ReadStart(SafeFileHandle handle, string path, int count) =>
        Guard(path, () =>
        {
            byte[] content = new byte[count];
            for (int done = 0; done < count;)
            {
                int read = RandomAccess.Read(handle, content.AsSpan(done), done);
                if (read == 0)
                {
                    throw new CheckpointException(path, $"expected {count} bytes, found the file's end after {done}");
                }

                done += read;
            }

            return content;
        });

    /// <summary>Runs something that touches a file; what the operating system refuses becomes a <see cref="CheckpointException"/>.</summary>
    public static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "expected a file, found none", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException(path, $"cannot be used: {error.Message}", inner: error);
        }
    }
}
