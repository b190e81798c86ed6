using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// The C# lines of a method's IL, from the portable PDB inside its assembly or beside it. The runtime's own methods have none:
/// what they do is shown at the line that calls them.
/// </summary>
internal sealed class SourceLines
{
    private static readonly SourceLines None = new([], []);
    private static readonly ConcurrentDictionary<Assembly, MetadataReader?> Readers = new();
    private static readonly ConcurrentDictionary<(Module Module, int Token), SourceLines> Methods = new();

    private readonly int[] _offsets;
    private readonly SourcePoint[] _points;

    private SourceLines(int[] offsets, SourcePoint[] points)
    {
        _offsets = offsets;
        _points = points;
    }

    public static SourceLines Of(MethodBase method) =>
        Methods.GetOrAdd((method.Module, method.MetadataToken), static (_, method) => Load(method), method);

    /// <summary>The line of the instruction at an offset; null if none is known.</summary>
    public SourcePoint? At(int offset)
    {
        int index = Array.BinarySearch(_offsets, offset);
        index = index < 0 ? ~index - 1 : index;
        return index < 0 ? null : _points[index];
    }

    private static SourceLines Load(MethodBase method)
    {
        Assembly assembly = method.Module.Assembly;
        if (assembly == typeof(SourceLines).Assembly || Readers.GetOrAdd(assembly, Open) is not { } reader)
        {
            return None;
        }

        var handle = (MethodDefinitionHandle)MetadataTokens.Handle(method.MetadataToken);
        var offsets = new List<int>();
        var points = new List<SourcePoint>();
        foreach (SequencePoint point in reader.GetMethodDebugInformation(handle.ToDebugInformationHandle()).GetSequencePoints())
        {
            if (!point.IsHidden)
            {
                offsets.Add(point.Offset);
                points.Add(new(reader.GetString(reader.GetDocument(point.Document).Name), point.StartLine));
            }
        }

        return new([.. offsets], [.. points]);
    }

    // readers live as long as the process: they hold the PDB in memory, and methods of an assembly are asked for again and again
    private static MetadataReader? Open(Assembly assembly)
    {
        if (assembly.IsDynamic || assembly.Location.Length == 0)
        {
            return null;
        }

        using var image = new PEReader(File.OpenRead(assembly.Location), PEStreamOptions.PrefetchEntireImage);
        bool found = image.TryOpenAssociatedPortablePdb(
            assembly.Location,
            path => File.Exists(path) ? new MemoryStream(File.ReadAllBytes(path)) : null,
            out MetadataReaderProvider? provider,
            out _);
        return found ? provider!.GetMetadataReader() : null;
    }
}
