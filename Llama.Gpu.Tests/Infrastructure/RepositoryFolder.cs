namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>Paths into the repository's own tree, found from where the tests run.</summary>
internal static class RepositoryFolder
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = Find();

    /// <summary>The small trained checkpoint.</summary>
    public static string TinyModel => Path.Combine(Root, "models", "tiny");

    /// <summary>Fixtures beside a test's source folder, such as <c>Fixtures("Checkpoints")</c>.</summary>
    public static string Fixtures(string area) => Path.Combine(Root, "Llama.Gpu.Tests", area, "Fixtures");

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Llama.Gpu.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no Llama.Gpu.sln above {AppContext.BaseDirectory}");
    }
}
