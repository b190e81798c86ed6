namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>A folder of its own for one test, gone when the test is.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("llama-gpu-test-");

    /// <summary>The folder's path.</summary>
    public string Path => _folder.FullName;

    /// <summary>Path of a file or folder in it, there or not.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            _folder.Delete(recursive: true);
        }
    }
}
