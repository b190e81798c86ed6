using System.Security;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// Compiled kernels on disk, a file each. Any number of processes may share a folder: a file appears whole, by a rename, or not at
/// all. What goes wrong with the disk is never an error of the program: then there is nothing in the cache.
/// </summary>
/// <param name="folder">Where the files are; made when the first is written.</param>
/// <param name="maxBytes">Size of all files beyond which those that have not been used for longest are removed.</param>
/// <param name="create">Makes a file that is not there yet, for writing.</param>
internal sealed class KernelCache(string folder, long maxBytes = KernelCache.DefaultMaxBytes, Func<string, Stream>? create = null)
{
    /// <summary>The variable that names the folder of the program's caches, or switches them off.</summary>
    public const string Variable = "LLAMA_GPU_CACHE";

    public const long DefaultMaxBytes = 256L << 20;

    private const string Off = "off";
    private const string Extension = ".kernel";
    private const string TemporaryExtension = ".tmp";

    // what a process that was ended while writing has left
    private static readonly TimeSpan TemporaryAge = TimeSpan.FromHours(1);

    private static readonly Lazy<KernelCache?> LazyDefault =
        new(() => DefaultFolder(Environment.GetEnvironmentVariable) is { } found ? new(found) : null);

    private readonly Func<string, Stream> _create =
        create ?? (path => new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None));
    private readonly Lock _counting = new();
    private long? _bytes;
    private int _complained;

    /// <summary>The user's cache; null if it is switched off or there is no place for it.</summary>
    public static KernelCache? Default => LazyDefault.Value;

    /// <summary>The folder that the environment asks for, or the system's place for a user's caches; null for none.</summary>
    public static string? DefaultFolder(Func<string, string?> environment)
    {
        string? chosen = environment(Variable);
        if (string.Equals(chosen, Off, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        string? root = string.IsNullOrEmpty(chosen) ? UserFolder(environment) : Path.GetFullPath(chosen);
        return root is null ? null : Path.Combine(root, "kernels");
    }

    /// <summary>The contents that were stored under a key; null if there are none, or not whole ones.</summary>
    public byte[]? Find(KernelKey key)
    {
        string path = PathOf(key);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (stream.Length > maxBytes)
            {
                return null;
            }

            byte[] file = new byte[stream.Length];
            stream.ReadExactly(file);
            byte[]? contents = KernelCacheEntry.Decode(key, file);
            if (contents is not null)
            {
                MarkUsed(path);
            }

            return contents;
        }
        catch (Exception exception) when (IsOfDisk(exception))
        {
            if (exception is not (FileNotFoundException or DirectoryNotFoundException))
            {
                Complain(exception);
            }

            return null;
        }
    }

    /// <summary>Stores contents in the place of what there is under the key.</summary>
    public void Store(KernelKey key, ReadOnlySpan<byte> contents)
    {
        byte[] file = KernelCacheEntry.Encode(key, contents);
        if (file.Length > maxBytes)
        {
            return;
        }

        string path = PathOf(key);
        string temporary = $"{path}.{Guid.NewGuid():N}{TemporaryExtension}";
        try
        {
            CreateFolder();
            Write(temporary, file);
            File.Move(temporary, path, overwrite: true);
            Count(file.Length);
        }
        catch (Exception exception) when (IsOfDisk(exception))
        {
            Complain(exception);
            Delete(temporary);
        }
    }

    private static string? UserFolder(Func<string, string?> environment)
    {
        static string? Below(string? parent, string name) =>
            Path.IsPathFullyQualified(parent ?? string.Empty) ? Path.Combine(parent!, name) : null;
        if (OperatingSystem.IsWindows())
        {
            return Below(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "llama-gpu");
        }

        string? home = environment("HOME");
        return OperatingSystem.IsMacOS()
            ? Below(home, "Library/Caches/llama-gpu")
            : Below(environment("XDG_CACHE_HOME"), "llama-gpu") ?? Below(home, ".cache/llama-gpu");
    }

    private static bool IsOfDisk(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or SecurityException or NotSupportedException;

    private static void MarkUsed(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception exception) when (IsOfDisk(exception))
        {
            // a folder that can only be read, or another process has removed the file: it has been read all the same
        }
    }

    private static bool Delete(string path)
    {
        try
        {
            File.Delete(path);
            return true;
        }
        catch (Exception exception) when (IsOfDisk(exception))
        {
            return false;
        }
    }

    private string PathOf(KernelKey key) => Path.Combine(folder, key.Hex + Extension);

    // code that will run: for its owner alone
    private void CreateFolder()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private void Write(string path, byte[] file)
    {
        using Stream stream = _create(path);
        stream.Write(file);
        stream.Flush();

        // or a loss of power could leave the name without the contents
        (stream as FileStream)?.Flush(flushToDisk: true);
    }

    private void Count(long stored)
    {
        lock (_counting)
        {
            _bytes = (_bytes ?? Files().Sum(file => file.Bytes) - stored) + stored;
            if (_bytes > maxBytes)
            {
                _bytes = Trim();
            }
        }
    }

    // well below the limit, so that the next file does not begin it anew
    private long Trim()
    {
        List<(string Path, long Bytes, DateTime Used)> files = Files();
        long bytes = files.Sum(file => file.Bytes);
        foreach (var file in files.OrderBy(file => file.Used))
        {
            bool isLeftOver = file.Path.EndsWith(TemporaryExtension, StringComparison.Ordinal);
            bool goes = isLeftOver ? DateTime.UtcNow - file.Used > TemporaryAge : bytes > maxBytes / 4 * 3;
            if (goes && Delete(file.Path))
            {
                bytes -= file.Bytes;
            }
        }

        return bytes;
    }

    private List<(string Path, long Bytes, DateTime Used)> Files()
    {
        var files = new List<(string, long, DateTime)>();
        foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles($"*{Extension}*"))
        {
            try
            {
                files.Add((file.FullName, file.Length, file.LastWriteTimeUtc));
            }
            catch (FileNotFoundException)
            {
                // another process has removed it
            }
        }

        return files;
    }

    private void Complain(Exception exception)
    {
        if (Interlocked.Exchange(ref _complained, 1) == 0)
        {
            JitDebug.Write(JitDebug.Timings, "cache", $"not in use, {folder}", () => exception.Message);
        }
    }
}
