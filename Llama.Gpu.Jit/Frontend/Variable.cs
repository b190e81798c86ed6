using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// A scalar that changes: part of a local variable, of an argument, or of what waits on the evaluation stack between blocks.
/// </summary>
/// <param name="type">Its type when computed with.</param>
/// <param name="signed">Whether it is extended by its sign.</param>
/// <param name="memory">Its type in memory, which is narrower for small integers.</param>
internal sealed class Variable(IrType type, bool signed, IrType memory)
{
    public IrType Type { get; } = type;

    public bool Signed { get; } = signed;

    public IrType Memory { get; } = memory;
}

/// <summary>
/// A managed reference to variables, known while compiling: it stands on the evaluation stack like a value, and is gone when the
/// function is done.
/// </summary>
internal sealed class Place(TypeShape shape, Variable[] variables) : IrValue(IrType.Pointer(AddressSpace.Generic))
{
    private readonly Dictionary<FieldShape, Place> _fields = [];

    public TypeShape Shape { get; } = shape;

    public Variable[] Variables { get; } = variables;

    /// <summary>The reference to a field; the same each time, so that equal references are one value.</summary>
    public Place Field(FieldShape field)
    {
        if (!_fields.TryGetValue(field, out Place? place))
        {
            place = new(field.Shape, Variables[field.Start..(field.Start + field.Shape.Leaves.Length)]);
            _fields.Add(field, place);
        }

        return place;
    }
}

/// <summary>The handle of a type, for <c>typeof(T) == typeof(float)</c>; gone when the function is done.</summary>
internal sealed class TypeHandle(Type type) : IrValue(IrType.Void)
{
    public Type Of { get; } = type;
}

/// <summary>Something on the evaluation stack, taken apart into scalars.</summary>
internal readonly record struct StackValue(Type Type, IrValue[] Parts)
{
    /// <summary>The value of a type that is one scalar.</summary>
    public IrValue Scalar => Parts[0];
}
