using System.Reflection;
using System.Reflection.Emit;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// The values of a method that is being emitted: where each is kept, and how it gets onto the evaluation stack, as the scalar
/// base of a value that does not vary or as vectors with an element for each lane. 64-bit values take two vectors, the first
/// with the lower lanes; a short vector takes one after the other for each of its scalars.
/// </summary>
internal sealed class LaneCode
{
    /// <summary>Bytes of scratch memory for one operand of a loop over lanes.</summary>
    public const int ScratchBytes = 1024;

    private const int ScratchAreas = 4;

    private readonly Dictionary<IrValue, LocalBuilder[]> _scalars = [];
    private readonly Dictionary<IrValue, LocalBuilder[]> _vectors = [];
    private readonly HashSet<IrValue> _spread;
    private readonly HashSet<IrValue> _folded;
    private readonly Dictionary<Type, Stack<LocalBuilder>> _free = [];

    public LaneCode(ILGenerator il, SimdAnalysis analysis)
    {
        Il = il;
        Isa = analysis.Isa;
        Shapes = analysis.Shapes;
        _spread = analysis.Spread;
        _folded = analysis.Folded;
        Scratch = il.DeclareLocal(typeof(byte*));
        LaneIndex = il.DeclareLocal(typeof(int));
        LaneBits = il.DeclareLocal(typeof(long));
        il.Emit(OpCodes.Ldc_I4, ScratchBytes * ScratchAreas);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Localloc);
        il.Emit(OpCodes.Stloc, Scratch);
    }

    public ILGenerator Il { get; }

    public VectorIsa Isa { get; }

    public ShapeAnalysis Shapes { get; }

    public LocalBuilder Scratch { get; }

    /// <summary>The lane that a loop over lanes is at.</summary>
    public LocalBuilder LaneIndex { get; }

    /// <summary>The lanes that a loop over lanes has yet to visit.</summary>
    public LocalBuilder LaneBits { get; }

    /// <summary>The mask of the lanes that are active; null while all are.</summary>
    public LocalBuilder? ActiveMask { get; set; }

    /// <summary>The bits of every lane.</summary>
    public long AllLanes => (1L << Isa.Lanes) - 1;

    public static Type Element(IrType type) => ScalarOps.TypeOf(type.Scalar);

    /// <summary>Vectors that one scalar takes.</summary>
    public static int Parts(IrType type) => type.ScalarBits == 64 ? 2 : 1;

    public Type Vector(IrType type) => Isa.Vector(Element(type));

    /// <summary>Whether a value has a vector form, kept or made when it is used.</summary>
    public bool Varies(IrValue value) => Shapes[value].IsVarying;

    /// <summary>Whether a value is an address that is added up where it is pushed.</summary>
    public bool IsFolded(IrValue value) => _folded.Contains(value) && !Varies(value);

    public LocalBuilder Borrow(Type type) =>
        _free.TryGetValue(type, out var free) && free.TryPop(out LocalBuilder? local) ? local : Il.DeclareLocal(type);

    public void Return(LocalBuilder local)
    {
        if (!_free.TryGetValue(local.LocalType, out var free))
        {
            _free.Add(local.LocalType, free = new());
        }

        free.Push(local);
    }

    public LocalBuilder[] Scalars(IrValue value) =>
        Kept(_scalars, value, () => Locals(value.Type.Width, Element(value.Type)));

    public LocalBuilder[] Vectors(IrValue value) =>
        Kept(_vectors, value, () => Locals(value.Type.Width * Parts(value.Type), Vector(value.Type)));

    public void Call(string name, params Type[] parameters)
    {
        foreach (MethodInfo method in Isa.Methods(name, parameters))
        {
            Il.Emit(OpCodes.Call, method);
        }
    }

    public void Reinterpret(Type from, Type to)
    {
        if (from != to)
        {
            Il.Emit(OpCodes.Call, Isa.Reinterpret(from, to));
        }
    }

    /// <summary>Inverts every bit of the vector of integers on the stack.</summary>
    public void Invert(Type element)
    {
        if (element == typeof(long))
        {
            Il.Emit(OpCodes.Ldc_I8, -1L);
        }
        else
        {
            Il.Emit(OpCodes.Ldc_I4_M1);
        }

        Call("Create", element);
        Call("Xor", Isa.Vector(element), Isa.Vector(element));
    }

    /// <summary>Pushes the scalar of a uniform value, or the base of an affine one.</summary>
    public void PushScalar(IrValue value, int component = 0)
    {
        if (value is Instruction { Op: Op.Constant } constant)
        {
            ScalarOps.Constant(Il, constant.Type, constant.Immediate);
        }
        else if (IsFolded(value))
        {
            var offset = (Instruction)value;
            PushScalar(offset.Operands[0]);
            PushScalar(offset.Operands[1]);
            Il.Emit(OpCodes.Add);
        }
        else
        {
            Il.Emit(OpCodes.Ldloc, Scalars(value)[component]);
        }
    }

    /// <summary>Pushes a vector of the value: of component <c>index / parts</c>, lower lanes first.</summary>
    public void PushVector(IrValue value, int index = 0)
    {
        if (Varies(value) || _spread.Contains(value))
        {
            Il.Emit(OpCodes.Ldloc, Vectors(value)[index]);
        }
        else
        {
            Spread(value, index);
        }
    }

    /// <summary>After a value that does not vary has its base: its vectors, if they are kept.</summary>
    public void AfterDefinition(IrValue value)
    {
        if (_spread.Contains(value) && !Varies(value))
        {
            LocalBuilder[] vectors = Vectors(value);
            for (int i = 0; i < vectors.Length; i++)
            {
                Spread(value, i);
                Il.Emit(OpCodes.Stloc, vectors[i]);
            }
        }
    }

    /// <summary>Pops a vector into a value; lanes that are not active keep theirs where that matters.</summary>
    public void StoreVector(IrValue value, int index)
    {
        LocalBuilder local = Vectors(value)[index];
        if (ActiveMask is not null && Shapes.Divergence.IsForcedApart(value))
        {
            Blend(value.Type, index, local, ActiveMask);
        }
        else
        {
            Il.Emit(OpCodes.Stloc, local);
        }
    }

    /// <summary>Pops a vector into the lanes of <paramref name="local"/> that a mask names.</summary>
    public void Blend(IrType type, int index, LocalBuilder local, LocalBuilder mask)
    {
        LocalBuilder value = Borrow(local.LocalType);
        Il.Emit(OpCodes.Stloc, value);
        Il.Emit(OpCodes.Ldloc, mask);
        FitMask(type, index % Parts(type));
        Il.Emit(OpCodes.Ldloc, value);
        Il.Emit(OpCodes.Ldloc, local);
        Call("ConditionalSelect", local.LocalType, local.LocalType, local.LocalType);
        Il.Emit(OpCodes.Stloc, local);
        Return(value);
    }

    /// <summary>Turns the mask on the stack into one for vectors of a type.</summary>
    public void FitMask(IrType type, int part)
    {
        Type element = Element(type);
        if (Parts(type) == 2)
        {
            Call(part == 0 ? "WidenLower" : "WidenUpper", Isa.Vector(typeof(int)));
            Reinterpret(typeof(long), element);
        }
        else
        {
            Reinterpret(typeof(int), element);
        }
    }

    /// <summary>Turns the mask on the stack into an int64 with a bit for each lane.</summary>
    public void MaskToBits()
    {
        Call("ExtractMostSignificantBits", Isa.Vector(typeof(int)));
        Il.Emit(OpCodes.Conv_U8);
    }

    /// <summary>Pushes vector <c>(0, 1, 2, ...) * stride</c>, from the lane on that <paramref name="part"/> begins with.</summary>
    public void PushSequence(Type element, long stride, int part)
    {
        long first = part * (Isa.Lanes / 2) * stride;
        if (element == typeof(long))
        {
            Il.Emit(OpCodes.Ldc_I8, first);
            Il.Emit(OpCodes.Ldc_I8, stride);
        }
        else
        {
            Il.Emit(OpCodes.Ldc_I4, (int)first);
            Il.Emit(OpCodes.Ldc_I4, (int)stride);
        }

        Call("CreateSequence", element, element);
    }

    /// <summary>Pushes the address of a scratch area as a native integer.</summary>
    public void PushScratch(int area, int offset = 0)
    {
        Il.Emit(OpCodes.Ldloc, Scratch);
        Il.Emit(OpCodes.Ldc_I4, (area * ScratchBytes) + offset);
        Il.Emit(OpCodes.Add);
    }

    /// <summary>Writes the vectors of a value to a scratch area.</summary>
    public void Spill(IrValue value, int area)
    {
        LocalBuilder[] vectors = Vectors(value);
        for (int i = 0; i < vectors.Length; i++)
        {
            PushScratch(area, i * Isa.Bytes);
            PushVector(value, i);
            Il.Emit(OpCodes.Unaligned, (byte)1);
            Il.Emit(OpCodes.Stobj, vectors[i].LocalType);
        }
    }

    /// <summary>Reads the vectors of a value from a scratch area.</summary>
    public void Unspill(IrValue value, int area)
    {
        LocalBuilder[] vectors = Vectors(value);
        for (int i = 0; i < vectors.Length; i++)
        {
            PushScratch(area, i * Isa.Bytes);
            Il.Emit(OpCodes.Unaligned, (byte)1);
            Il.Emit(OpCodes.Ldobj, vectors[i].LocalType);
            StoreVector(value, i);
        }
    }

    /// <summary>Pushes a field of the <see cref="SimdGroup"/>.</summary>
    public void PushField(string name)
    {
        Il.Emit(OpCodes.Ldarg_1);
        Il.Emit(OpCodes.Ldfld, typeof(SimdGroup).GetField(name, BindingFlags.Public | BindingFlags.Instance)!);
    }

    /// <summary>Pushes the mask of the lanes that exist in this vector.</summary>
    public void PushExistingLanes()
    {
        Type mask = Isa.Vector(typeof(int));
        PushSequence(typeof(int), 1, 0);
        PushField(nameof(SimdGroup.LaneCount));
        Call("Create", typeof(int));
        Call("LessThan", mask, mask);
    }

    // a vector from a scalar base
    private void Spread(IrValue value, int index)
    {
        Type element = Element(value.Type);
        int parts = Parts(value.Type);
        PushScalar(value, index / parts);
        if (value.Type.Kind == IrKind.I1)
        {
            Il.Emit(OpCodes.Neg);
        }

        Call("Create", element);
        long stride = Shapes[value].Stride;
        if (stride != 0)
        {
            PushSequence(element, stride, index % parts);
            Call("Add", Vector(value.Type), Vector(value.Type));
        }
    }

    private LocalBuilder[] Locals(int count, Type type) => [.. Enumerable.Range(0, count).Select(_ => Il.DeclareLocal(type))];

    private static LocalBuilder[] Kept(Dictionary<IrValue, LocalBuilder[]> kept, IrValue value, Func<LocalBuilder[]> make)
    {
        if (!kept.TryGetValue(value, out LocalBuilder[]? locals))
        {
            kept.Add(value, locals = make());
        }

        return locals;
    }
}
