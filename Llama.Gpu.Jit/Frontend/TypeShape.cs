using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>One scalar of a type that has been taken apart.</summary>
/// <param name="Memory">Its type in memory.</param>
/// <param name="Signed">Whether a small integer is extended by its sign.</param>
/// <param name="Offset">Bytes from the start of the type.</param>
internal readonly record struct Leaf(IrType Memory, bool Signed, int Offset)
{
    /// <summary>Its type when computed with: integers below 32 bits are widened, as C# does.</summary>
    public IrType Stack => Memory.Kind is IrKind.I8 or IrKind.I16 ? IrType.I32 : Memory;
}

/// <summary>A field of a struct.</summary>
/// <param name="Shape">Its type.</param>
/// <param name="Start">Its first leaf among those of the struct.</param>
/// <param name="Offset">Bytes from the start of the struct.</param>
internal readonly record struct FieldShape(TypeShape Shape, int Start, int Offset);

/// <summary>
/// A type taken apart into scalars, with their places in memory. A view is a pointer and a length and cannot be stored in memory;
/// a reference is a pointer.
/// </summary>
internal sealed class TypeShape
{
    private static readonly ConcurrentDictionary<Type, TypeShape?> Cache = new();

    private readonly Dictionary<string, FieldShape> _fields = [];

    private TypeShape(Type type, Leaf[] leaves, int size, int alignment, bool storable)
    {
        Type = type;
        Leaves = leaves;
        Size = size;
        Alignment = alignment;
        IsStorable = storable;
    }

    public Type Type { get; }

    public Leaf[] Leaves { get; }

    /// <summary>Bytes in memory.</summary>
    public int Size { get; }

    /// <summary>Bytes that its address is a multiple of.</summary>
    public int Alignment { get; }

    /// <summary>Whether it can be an element of a view.</summary>
    public bool IsStorable { get; }

    /// <summary>The shape of a type; null if kernels cannot use it.</summary>
    public static TypeShape? Of(Type type) => Cache.TryGetValue(type, out TypeShape? known) ? known : Cache[type] = Make(type);

    public FieldShape Field(FieldInfo field) => _fields[field.Name];

    private static TypeShape? Make(Type type)
    {
        if (TypeMap.Scalar(type) is { } scalar)
        {
            Type number = type.IsEnum ? type.GetEnumUnderlyingType() : type;
            bool signed = number == typeof(sbyte) || number == typeof(short);
            return new(type, [new(scalar, signed, 0)], scalar.Bytes, scalar.Bytes, storable: true);
        }

        IrType pointer = IrType.Pointer(AddressSpace.Generic);
        if (type.IsByRef)
        {
            return new(type, [new(pointer, false, 0)], 0, 1, storable: false);
        }

        if (TypeMap.IsView(type))
        {
            return new(type, [new(pointer, false, 0), new(IrType.I64, false, 0)], 0, 1, storable: false);
        }

        if (TypeMap.IsTensorMap(type))
        {
            return new(type, [new(IrType.Pointer(AddressSpace.Parameter), false, 0)], 0, 1, storable: false);
        }

        return type.IsValueType && !type.IsPrimitive && !type.IsByRefLike && !type.ContainsGenericParameters
            && type != typeof(void) && type != typeof(decimal)
            && !type.IsDefined(typeof(InlineArrayAttribute), inherit: false) ? MakeStruct(type) : null;
    }

    private static TypeShape? MakeStruct(Type type)
    {
        StructLayoutAttribute layout = type.StructLayoutAttribute ?? new StructLayoutAttribute(LayoutKind.Sequential);
        var fields = new List<(FieldInfo Field, FieldShape Shape)>();
        var leaves = new List<Leaf>();
        int end = 0;
        int alignment = 1;
        bool storable = true;
        foreach (FieldInfo field in TypeMap.Fields(type))
        {
            if (Of(field.FieldType) is not { } shape || field.FieldType.IsByRef)
            {
                return null;
            }

            // fields that overlap share bits, which scalars on their own cannot; packed ones would break the promise of alignment
            int offset = field.GetCustomAttribute<FieldOffsetAttribute>()?.Value ?? RoundUp(end, shape.Alignment);
            if (offset < end || offset % shape.Alignment != 0)
            {
                return null;
            }

            fields.Add((field, new(shape, leaves.Count, offset)));
            leaves.AddRange(shape.Leaves.Select(leaf => leaf with { Offset = offset + leaf.Offset }));
            end = offset + shape.Size;
            alignment = Math.Max(alignment, shape.Alignment);
            storable &= shape.IsStorable;
        }

        int size = storable ? RuntimeHelpers.SizeOf(type.TypeHandle) : 0;
        int expected = Math.Max(layout.Size, Math.Max(1, RoundUp(end, alignment)));
        if (storable && (size != expected || size % alignment != 0 || layout.Value == LayoutKind.Auto))
        {
            return null;
        }

        var result = new TypeShape(type, [.. leaves], size, alignment, storable);
        fields.ForEach(field => result._fields.Add(field.Field.Name, field.Shape));
        return result;
    }

    private static int RoundUp(int bytes, int alignment) => (bytes + alignment - 1) / alignment * alignment;
}
