namespace Llama.Gpu.Tokenization;

/// <summary>Reads a tokenizer's file, whose errors are all <see cref="TokenizerException"/>.</summary>
internal static class TokenizerFile
{
    /// <summary>Larger than any tokenizer: the largest in use have some 35 MB.</summary>
    public const int LargestSize = 128 << 20;

    /// <summary>The whole of a file.</summary>
    public static byte[] Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > LargestSize)
            {
                throw new TokenizerException(path, $"{stream.Length} bytes is more than a tokenizer has; expected {LargestSize} at most");
            }

            if (stream.Length == 0)
            {
                throw new TokenizerException(path, "the file is empty");
            }

            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new TokenizerException(path, "expected a file, found none", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new TokenizerException(path, $"cannot be read: {error.Message}", inner: error);
        }
    }
}
