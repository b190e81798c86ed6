using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>How C# types are seen by the compiler: as one scalar, as a view, or as a struct of fields.</summary>
internal static class TypeMap
{
    private static readonly Dictionary<Type, IrType> Scalars = new()
    {
        [typeof(bool)] = IrType.I8,
        [typeof(sbyte)] = IrType.I8,
        [typeof(byte)] = IrType.I8,
        [typeof(short)] = IrType.I16,
        [typeof(ushort)] = IrType.I16,
        [typeof(char)] = IrType.I16,
        [typeof(int)] = IrType.I32,
        [typeof(uint)] = IrType.I32,
        [typeof(long)] = IrType.I64,
        [typeof(ulong)] = IrType.I64,
        [typeof(nint)] = IrType.I64,
        [typeof(nuint)] = IrType.I64,
        [typeof(float)] = IrType.F32,
        [typeof(double)] = IrType.F64,
    };

    /// <summary>The type in memory of a number, a truth value, a character or an enum; null for all else.</summary>
    public static IrType? Scalar(Type type) =>
        Scalars.TryGetValue(type.IsEnum ? type.GetEnumUnderlyingType() : type, out IrType scalar) ? scalar : null;

    public static bool IsView(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ArrayView<>);

    public static bool IsTensorMap(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(TensorMap<>);

    public static bool IsSpecialized(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(SpecializedValue<>);

    /// <summary>Instance fields of a struct, in the order of its declaration.</summary>
    public static FieldInfo[] Fields(Type type) =>
        [.. type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance).OrderBy(field => field.MetadataToken)];
}
