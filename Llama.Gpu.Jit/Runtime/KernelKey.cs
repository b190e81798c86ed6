using System.Reflection;
using System.Reflection.Metadata;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;
using System.Text;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// What a compiled kernel depends on, as one SHA-256: the kernel with its type arguments, every assembly whose code or types may be
/// built into it, the compiler, the .NET runtime (whose code may be built in too), and what the accelerator adds.
/// </summary>
/// <param name="Hex">The hash as 64 hexadecimal digits.</param>
internal readonly record struct KernelKey(string Hex)
{
    /// <summary>Bytes of a hash.</summary>
    public const int Bytes = SHA256.HashSizeInBytes;

    private static readonly ConditionalWeakTable<Assembly, byte[]> Assemblies = [];

    private static readonly string FrameworkFolder = Path.GetDirectoryName(typeof(object).Assembly.Location) ?? string.Empty;

    /// <summary>The key of a kernel; null if its code can change while its assembly stays the same, so that nothing may be kept.</summary>
    /// <param name="kernel">The kernel's method, with every type argument given.</param>
    /// <param name="ingredients">
    /// Names and values of all that the accelerator's code depends on besides: target, device, driver, and each option that is not
    /// a constant of the compiler.
    /// </param>
    public static KernelKey? Of(MethodInfo kernel, params IEnumerable<(string Name, string Value)> ingredients)
    {
        // hot reload and emitted assemblies change methods under the same version id
        if (MetadataUpdater.IsSupported)
        {
            return null;
        }

        var text = new StringBuilder();
        var used = new HashSet<Assembly> { kernel.Module.Assembly, typeof(KernelKey).Assembly };
        Append(text, RuntimeInformation.FrameworkDescription);
        Append(text, typeof(object).Module.ModuleVersionId.ToString());
        Append(text, $"{kernel.Module.ModuleVersionId} {kernel.MetadataToken:x}");
        AppendTypes(text, used, kernel.DeclaringType?.GenericTypeArguments ?? []);
        AppendTypes(text, used, kernel.GetGenericArguments());
        foreach ((string name, string value) in ingredients)
        {
            Append(text, name);
            Append(text, value);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(text.ToString()));
        foreach (Assembly assembly in used.OrderBy(assembly => assembly.FullName, StringComparer.Ordinal))
        {
            byte[] code = Assemblies.GetValue(assembly, HashWithReferences);
            if (code.Length == 0)
            {
                return null;
            }

            hash.AppendData(code);
        }

        return new(Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static void AppendTypes(StringBuilder text, HashSet<Assembly> used, Type[] types)
    {
        Append(text, $"{types.Length}");
        foreach (Type type in types)
        {
            used.Add(type.Assembly);
            Append(text, $"{type.Module.ModuleVersionId} {type}");
            AppendTypes(text, used, type.GenericTypeArguments);
        }
    }

    // with its length first, so that no two lists of texts look the same
    private static void Append(StringBuilder text, string value) => text.Append(value.Length).Append(':').Append(value);

    /// <summary>The versions of an assembly and of all that it refers to; empty if one of them is emitted in memory.</summary>
    private static byte[] HashWithReferences(Assembly root)
    {
        var versions = new SortedSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<Assembly> { root };
        var open = new Queue<Assembly>(seen);
        while (open.TryDequeue(out Assembly? assembly))
        {
            if (assembly.IsDynamic)
            {
                return [];
            }

            versions.Add($"{assembly.FullName} {assembly.ManifestModule.ModuleVersionId}");
            foreach (AssemblyName name in assembly.GetReferencedAssemblies())
            {
                if (IsOfFramework(name))
                {
                    continue;
                }

                if (Resolve(assembly, name) is not { } reference)
                {
                    versions.Add($"{name.FullName} not found");
                }
                else if (seen.Add(reference))
                {
                    open.Enqueue(reference);
                }
            }
        }

        return SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', versions)));
    }

    // its version stands in every key, so its assemblies need not be loaded
    private static bool IsOfFramework(AssemblyName name) => File.Exists(Path.Combine(FrameworkFolder, $"{name.Name}.dll"));

    private static Assembly? Resolve(Assembly from, AssemblyName name)
    {
        try
        {
            return (AssemblyLoadContext.GetLoadContext(from) ?? AssemblyLoadContext.Default).LoadFromAssemblyName(name);
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException)
        {
            return null;
        }
    }
}
