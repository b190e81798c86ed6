using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Reads and writes through managed references: to variables, which are known while compiling, or to memory.</summary>
internal sealed class MemoryAccess(Compilation compilation)
{
    private Emitter Emit => compilation.Emit;

    /// <summary>The value of a type behind a reference.</summary>
    /// <param name="type">The type.</param>
    /// <param name="reference">The reference.</param>
    /// <param name="isStreamed">Whether it is read once, and written by nobody.</param>
    public StackValue Read(Type type, IrValue reference, bool isStreamed = false)
    {
        if (reference is Place place)
        {
            RequireLayout(place, compilation.Shape(type));
            return new(type, [.. place.Variables.Select(variable => compilation.Ssa.Read(Emit.Block, variable))]);
        }

        TypeShape shape = compilation.MemoryShape(type);
        return new(type, [.. shape.Leaves.Select(leaf => Load(leaf, reference, isStreamed))]);
    }

    /// <summary>Puts a value of a type behind a reference.</summary>
    public void Write(Type type, IrValue reference, StackValue value)
    {
        TypeShape shape = reference is Place ? compilation.Shape(type) : compilation.MemoryShape(type);
        IrValue[] parts = Coerce(value, shape).Parts;
        if (reference is Place place)
        {
            RequireLayout(place, shape);
            for (int i = 0; i < parts.Length; i++)
            {
                SsaBuilder.Write(Emit.Block, place.Variables[i], parts[i]);
            }

            return;
        }

        for (int i = 0; i < parts.Length; i++)
        {
            Leaf leaf = shape.Leaves[i];
            IrValue stored = leaf.Memory == leaf.Stack ? parts[i] : Emit.Resize(parts[i], leaf.Memory, leaf.Signed);
            Emit.Emit(Op.Store, IrType.Void, leaf.Memory.Bytes, Emit.Offset(reference, Emit.Long(leaf.Offset)), stored);
        }
    }

    /// <summary>The reference to a field of what a reference leads to.</summary>
    public IrValue Field(IrValue reference, FieldInfo field)
    {
        TypeShape owner = compilation.Shape(field.DeclaringType!);
        if (TypeMap.IsView(owner.Type))
        {
            throw compilation.Error(JitError.UnknownFunction, $"{owner.Type.Name}.{field.Name}");
        }

        if (reference is Place place)
        {
            RequireLayout(place, owner);
            return place.Field(owner.Field(field));
        }

        return Emit.Offset(reference, Emit.Long(owner.Field(field).Offset));
    }

    /// <summary>A field of a value.</summary>
    public StackValue FieldOf(StackValue value, FieldInfo field)
    {
        FieldShape found = compilation.Shape(value.Type).Field(field);
        return new(field.FieldType, value.Parts[found.Start..(found.Start + found.Shape.Leaves.Length)]);
    }

    /// <summary>The zero of a type.</summary>
    public StackValue Default(Type type) => new(type, [.. compilation.Shape(type).Leaves.Select(leaf => Emit.Zero(leaf.Stack))]);

    /// <summary>A value as a variable of a type holds it: small integers cut to their width.</summary>
    public StackValue Coerce(StackValue value, TypeShape shape)
    {
        if (value.Parts.Length != shape.Leaves.Length)
        {
            throw compilation.Error(JitError.UnsupportedType, $"{value.Type} as {shape.Type}");
        }

        var parts = new IrValue[value.Parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = Coerce(value.Parts[i], shape.Leaves[i], isTruth: shape.Type == typeof(bool));
        }

        return new(shape.Type, parts);
    }

    private IrValue Coerce(IrValue value, Leaf leaf, bool isTruth)
    {
        if (leaf.Memory.IsInteger && value.Type.IsInteger)
        {
            bool small = leaf.Memory.ScalarBits < 32 && !isTruth;
            return small ? Emit.Narrow(value, leaf.Memory, leaf.Signed) : Emit.Resize(value, leaf.Stack, signed: true);
        }

        if (leaf.Memory.IsFloat && value.Type.IsFloat && leaf.Memory != value.Type)
        {
            return Emit.Convert(Op.FloatToFloat, leaf.Memory, value);
        }

        return leaf.Memory.IsPointer == (value.Type.IsPointer) && (leaf.Memory.IsPointer || leaf.Memory.IsFloat == value.Type.IsFloat)
            ? value
            : throw compilation.Error(JitError.UnsupportedType, $"{value.Type} as {leaf.Memory}");
    }

    private IrValue Load(Leaf leaf, IrValue reference, bool isStreamed)
    {
        IrValue address = Emit.Offset(reference, Emit.Long(leaf.Offset));
        IrValue loaded = isStreamed
            ? Emit.StreamedLoad(leaf.Memory, address)
            : Emit.Emit(Op.Load, leaf.Memory, leaf.Memory.Bytes, address);
        return leaf.Memory == leaf.Stack ? loaded : Emit.Resize(loaded, IrType.I32, leaf.Signed);
    }

    // variables are no bytes: a reference of another type must see the same scalars
    private void RequireLayout(Place place, TypeShape shape)
    {
        if (!place.Shape.Leaves.SequenceEqual(shape.Leaves))
        {
            throw compilation.Error(JitError.LocalReference, $"{shape.Type} while the variable is a {place.Shape.Type}");
        }
    }
}
