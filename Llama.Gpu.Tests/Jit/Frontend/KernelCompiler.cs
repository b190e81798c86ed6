using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Compiles the C# source of kernels while tests run.</summary>
internal static class KernelCompiler
{
    private const string Usings = "global using System; global using System.Linq; global using System.Collections.Generic;";

    private static readonly Lazy<MetadataReference[]> References = new(() =>
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
    ]);

    /// <summary>Compiles files into an assembly, which is loaded; null and the compiler's errors if they are not C#.</summary>
    public static Assembly? TryCompile(string name, OptimizationLevel level, IEnumerable<(string Path, string Text)> files, out string errors)
    {
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: level, allowUnsafe: true);
        var trees = files.Select(file => CSharpSyntaxTree.ParseText(file.Text, path: file.Path));
        var compilation = CSharpCompilation.Create(name, [CSharpSyntaxTree.ParseText(Usings), .. trees], References.Value, options);
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        errors = string.Join('\n', result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        return result.Success ? Assembly.Load(image.ToArray()) : null;
    }
}
