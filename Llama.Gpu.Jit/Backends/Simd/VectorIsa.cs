using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// The instruction table of one vector width. Vectors of .NET have the same methods at every width, so an operation is looked
/// up by name and element types; the processor's own methods come first where there are any, because the compiler always
/// takes those as instructions.
/// </summary>
internal sealed class VectorIsa
{
    // by the names of the vector class and of the processor's classes
    private static readonly Dictionary<string, string[]> Direct = new()
    {
        ["Add"] = ["Add"], ["Subtract"] = ["Subtract"], ["Multiply"] = ["Multiply", "MultiplyLow"], ["Divide"] = ["Divide"],
        ["BitwiseAnd"] = ["And"], ["BitwiseOr"] = ["Or"], ["Xor"] = ["Xor"], ["FusedMultiplyAdd"] = ["FusedMultiplyAdd", "MultiplyAdd"],
    };

    private readonly ConcurrentDictionary<string, MethodInfo> _methods = [];
    private readonly ConcurrentDictionary<string, MethodInfo[]?> _memory = [];
    private readonly Type _generic;
    private readonly Type[] _classes;
    private readonly Type _functions;

    private VectorIsa(int bits, Type generic, Type functions, Type[] classes)
    {
        Bits = bits;
        _generic = generic;
        _functions = functions;
        _classes = classes;
        WarpLanes = Lanes;
    }

    /// <summary>Bits of a vector; 32 stands for one lane, without vectors.</summary>
    public int Bits { get; }

    /// <summary>Lanes: 32-bit elements of a vector.</summary>
    public int Lanes => Bits / 32;

    /// <summary>Lanes of a warp: a vector, or several of them together.</summary>
    public int WarpLanes { get; private init; }

    /// <summary>Bytes of a vector.</summary>
    public int Bytes => Bits / 8;

    /// <summary>The widest vectors that the host computes with.</summary>
    public static int HostBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 32;

    /// <summary>The table for vectors of 512, 256 or 128 bits, or 32 for one lane.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no such vectors.</exception>
    public static VectorIsa Of(int bits) => bits switch
    {
        512 => new(512, typeof(Vector512<>), typeof(LaneFunctions512), Avx512F.IsSupported ? [typeof(Avx512F), .. Avx512DQ.IsSupported ? [typeof(Avx512DQ)] : Type.EmptyTypes] : []),
        256 => new(256, typeof(Vector256<>), typeof(LaneFunctions256), Avx2.IsSupported ? [typeof(Avx), typeof(Avx2), .. FusedClass] : []),
        128 => new(128, typeof(Vector128<>), typeof(LaneFunctions128), Sse41.IsSupported ? [typeof(Sse), typeof(Sse2), .. FusedClass] : []),
        32 => new(32, typeof(Vector128<>), typeof(LaneFunctions128), []),
        _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "vectors have 512, 256, 128 or 32 (no vectors) bits"),
    };

    private static Type[] FusedClass => Fma.IsSupported ? [typeof(Fma)] : [];

    /// <summary>The same table for warps of as many lanes, a multiple of <see cref="Lanes"/>.</summary>
    public VectorIsa WithWarps(int lanes) => new(Bits, _generic, _functions, _classes) { WarpLanes = lanes };

    /// <summary>A vector of elements.</summary>
    public Type Vector(Type element) => _generic.MakeGenericType(element);

    /// <summary>The method of a name whose parameters are these: of the processor, of the vector class, or one of this project's.</summary>
    /// <exception cref="MissingMethodException">There is none.</exception>
    public MethodInfo Method(string name, params Type[] parameters) =>
        _methods.GetOrAdd($"{name}({string.Join(',', parameters.Select(type => type.ToString()))})", _ => Find(name, parameters));

    /// <summary>What is called, one after the other, for an operation: <see cref="Method"/>, or instructions of <see cref="DirectMemory"/>.</summary>
    /// <exception cref="MissingMethodException">There is none.</exception>
    public MethodInfo[] Methods(string name, params Type[] parameters) =>
        _memory.GetOrAdd(name, static (name, bits) => DirectMemory.Find(name, bits), Bits) ?? [Method(name, parameters)];

    /// <summary>The processor's shift of a vector by a constant, where there is one: it takes the count as a byte.</summary>
    public MethodInfo? ConstantShift(string name, Type vector) =>
        FindDirect([name == "ShiftLeft" ? "ShiftLeftLogical" : name], [vector, typeof(byte)]);

    private MethodInfo? FindDirect(string[] names, Type[] parameters)
    {
        const BindingFlags Static = BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly;
        foreach (Type type in _classes)
        {
            foreach (string name in names)
            {
                if (type.GetMethod(name, Static, parameters) is { } found && found.ReturnType == parameters[0])
                {
                    return found;
                }
            }
        }

        return null;
    }

    private MethodInfo Find(string name, Type[] parameters)
    {
        const BindingFlags Static = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        if (Direct.TryGetValue(name, out string[]? direct) && FindDirect(direct, parameters) is { } instruction)
        {
            return instruction;
        }

        Type vectors = _generic == typeof(Vector512<>) ? typeof(Vector512) : _generic == typeof(Vector256<>) ? typeof(Vector256) : typeof(Vector128);
        foreach (Type type in (Type[])[_functions, vectors])
        {
            if (type.GetMethod(name, 0, Static, null, parameters, null) is { } exact)
            {
                return exact;
            }
        }

        Type element = parameters.Select(type => type.IsGenericType ? type.GenericTypeArguments[0] : type).First();
        return vectors.GetMethods(Static)
            .Where(method => method.Name == name && method.IsGenericMethodDefinition && method.GetGenericArguments().Length == 1)
            .Select(method => method.MakeGenericMethod(element))
            .FirstOrDefault(method => method.GetParameters().Select(parameter => parameter.ParameterType).SequenceEqual(parameters))
            ?? throw new MissingMethodException(vectors.Name, $"{name}({string.Join(", ", parameters.Select(type => type.ToString()))})");
    }

    /// <summary>The same bits as another element type.</summary>
    public MethodInfo Reinterpret(Type from, Type to) => _methods.GetOrAdd($"As({from},{to})", _ =>
    {
        Type vectors = _generic == typeof(Vector512<>) ? typeof(Vector512) : _generic == typeof(Vector256<>) ? typeof(Vector256) : typeof(Vector128);
        return vectors.GetMethods().Single(method => method.Name == "As" && method.GetGenericArguments().Length == 2 && method.ReturnType.IsGenericType
            && method.GetParameters()[0].ParameterType.GetGenericTypeDefinition() == _generic && method.ReturnType.GetGenericTypeDefinition() == _generic)
            .MakeGenericMethod(from, to);
    });
}
