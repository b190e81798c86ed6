using System.Xml.Linq;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Architecture;

/// <summary>References between projects go downwards only: the runtime knows nothing of Llama, the library nothing of its tools.</summary>
public sealed class ProjectReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Llama.Gpu.Jit"] = [],
        ["Llama.Gpu.Kernels"] = ["Llama.Gpu.Jit", "$(IlgpuProject)"],

        // stands for a package: names alone, which kernels are compiled against
        ["ILGPU"] = [],
        ["Llama.Gpu"] = ["Llama.Gpu.Jit", "Llama.Gpu.Kernels"],
        ["Llama.Gpu.Cli"] = ["Llama.Gpu", "Llama.Gpu.Kernels", "Llama.Gpu.Jit"],
        ["Llama.Gpu.Bench"] = ["Llama.Gpu", "Llama.Gpu.Kernels", "Llama.Gpu.Jit"],
        ["Llama.Gpu.Tests"] = ["Llama.Gpu", "Llama.Gpu.Kernels", "Llama.Gpu.Jit", "Llama.Gpu.Cli"],
    };

    public static IEnumerable<string> Projects() =>
        Directory.EnumerateFiles(RepositoryFolder.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(RepositoryFolder.Root, path));

    [TestCaseSource(nameof(Projects))]
    public void References_go_downwards_only(string project)
    {
        string name = Path.GetFileNameWithoutExtension(project);
        Assert.That(Allowed, Contains.Key(name), "a new project: say here what it may refer to");

        var referenced = XDocument.Load(Path.Combine(RepositoryFolder.Root, project))
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(((string)reference.Attribute("Include")!).Replace('\\', '/')));
        Assert.That(referenced, Is.SubsetOf(Allowed[name]));
    }

    [Test]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(RepositoryFolder.Root, "Llama.Gpu.sln"));
        foreach (string project in Projects())
        {
            Assert.That(solution, Does.Contain(Path.GetFileName(project)));
        }
    }

    [Test]
    public void Built_assemblies_refer_downwards_only()
    {
        foreach (var assembly in new[] { typeof(Llama.Gpu.Jit.BFloat16).Assembly, typeof(Llama.Gpu.Model.LlamaConfig).Assembly })
        {
            var referenced = assembly.GetReferencedAssemblies()
                .Select(reference => reference.Name!)
                .Where(name => name.StartsWith("Llama.Gpu", StringComparison.Ordinal));
            Assert.That(referenced, Is.SubsetOf(Allowed[assembly.GetName().Name!]));
        }
    }
}
