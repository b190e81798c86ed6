using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Loader;
using Llama.Gpu.Jit.Runtime;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cache;

/// <summary>A key is the same only where the compiled code would be.</summary>
public sealed class KernelKeyTests
{
    private const string Kernels = "public static class Kernels { public static void Kernel() => Parts.Part(); }";

    [Test]
    public void Key_is_the_same_each_time()
    {
        KernelKey key = Key(nameof(First), [("target", "x")], typeof(int));
        Assert.That(key, Is.EqualTo(Key(nameof(First), [("target", "x")], typeof(int))));
        Assert.That(key.Hex, Does.Match("^[0-9a-f]{64}$"));
    }

    [Test]
    public void Key_differs_with_each_ingredient()
    {
        KernelKey[] keys =
        [
            Key(nameof(First), [("target", "x")], typeof(int)),
            Key(nameof(Second), [("target", "x")], typeof(int)),
            Key(nameof(First), [("target", "x")], typeof(uint)),
            Key(nameof(First), [("target", "x")], typeof(KeyValuePair<int, long>)),
            Key(nameof(First), [("target", "x")], typeof(KeyValuePair<long, int>)),
            Key(nameof(First), [("target", "y")], typeof(int)),
            Key(nameof(First), [("device", "x")], typeof(int)),
            Key(nameof(First), [("targe", "tx")], typeof(int)),
            Key(nameof(First), [("target", "x"), ("driver", "1")], typeof(int)),
            Key(nameof(First), [("target", "x"), ("driver", "2")], typeof(int)),
            Key(nameof(First), [], typeof(int)),
            Key(typeof(Owner<int>).GetMethod(nameof(Owner<int>.Kernel))!),
            Key(typeof(Owner<uint>).GetMethod(nameof(Owner<uint>.Kernel))!),
        ];
        Assert.That(keys, Is.Unique);
    }

    [Test]
    public void Key_differs_with_the_code_of_what_is_called_in_another_assembly()
    {
        byte[] parts = Compile("Parts", "public static class Parts { public static void Part() { } }");
        byte[] otherParts = Compile("Parts", "public static class Parts { public static void Part() { System.Math.Abs(1); } }");
        byte[] kernels = Compile("Kernels", Kernels, parts);
        MethodInfo kernel = new Assemblies(parts).Kernel(kernels);
        MethodInfo same = new Assemblies(parts).Kernel(kernels);
        MethodInfo other = new Assemblies(otherParts).Kernel(kernels);
        Assert.That(kernel.Module.ModuleVersionId, Is.EqualTo(other.Module.ModuleVersionId));
        Assert.That(Key(same), Is.EqualTo(Key(kernel)));
        Assert.That(Key(other), Is.Not.EqualTo(Key(kernel)));
    }

    [Test]
    public void Key_differs_with_the_code_of_the_kernel()
    {
        MethodInfo Kernel(string body) =>
            new Assemblies([]).Kernel(Compile("Kernels", $"public static class Kernels {{ public static void Kernel() {{ {body} }} }}"));
        MethodInfo first = Kernel("System.Math.Abs(1);");
        MethodInfo second = Kernel("System.Math.Abs(2);");
        Assert.That(first.MetadataToken, Is.EqualTo(second.MetadataToken));
        Assert.That(Key(first), Is.Not.EqualTo(Key(second)));
    }

    [Test]
    public void Kernel_whose_assembly_is_missing_a_reference_still_has_a_key()
    {
        byte[] parts = Compile("Parts", "public static class Parts { public static void Part() { } }");
        Assert.That(Key(new Assemblies([]).Kernel(Compile("Kernels", Kernels, parts))).Hex, Has.Length.EqualTo(64));
    }

    [Test]
    public void Kernel_of_an_emitted_assembly_has_none()
    {
        TypeBuilder type = AssemblyBuilder.DefineDynamicAssembly(new("Emitted"), AssemblyBuilderAccess.Run).DefineDynamicModule("Emitted").DefineType("Kernels");
        type.DefineMethod("Kernel", MethodAttributes.Public | MethodAttributes.Static).GetILGenerator().Emit(OpCodes.Ret);
        Assert.That(KernelKey.Of(type.CreateType().GetMethod("Kernel")!), Is.Null);
    }

    private static KernelKey Key(string method, (string, string)[] ingredients, Type argument) => Key(
        typeof(KernelKeyTests).GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(argument), ingredients);

    private static KernelKey Key(MethodInfo kernel, params (string, string)[] ingredients) => KernelKey.Of(kernel, ingredients)!.Value;

    private static byte[] Compile(string name, string text, params byte[][] references)
    {
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(text)],
            [MetadataReference.CreateFromFile(typeof(object).Assembly.Location), .. references.Select(image => MetadataReference.CreateFromImage(image))],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, deterministic: true));
        using var bytes = new MemoryStream();
        Assert.That(compilation.Emit(bytes).Success);
        return bytes.ToArray();
    }

    private static void First<T>()
    {
    }

    private static void Second<T>()
    {
    }

    private static class Owner<T>
    {
        public static void Kernel()
        {
        }
    }

    private sealed class Assemblies(byte[] parts) : AssemblyLoadContext("kernels and their parts")
    {
        public MethodInfo Kernel(byte[] kernels) => LoadFromStream(new MemoryStream(kernels)).GetType("Kernels")!.GetMethod("Kernel")!;

        protected override Assembly? Load(AssemblyName name) =>
            name.Name == "Parts" && parts.Length > 0 ? LoadFromStream(new MemoryStream(parts)) : null;
    }
}
