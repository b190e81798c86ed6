using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>What each IL instruction does to the evaluation stack, but for those that leave a block.</summary>
internal sealed class InstructionTranslator(Compilation compilation, Frame frame, List<StackValue> stack)
{
    private readonly CallTranslator _calls = new(compilation, frame);
    private readonly ArithmeticTranslator _arithmetic = new(compilation);
    private Type? _constrained;

    private Emitter Emit => compilation.Emit;

    public StackValue Pop()
    {
        StackValue value = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    /// <summary>The condition of a branch; null if the instruction is none that depends on the stack.</summary>
    public IrValue? Condition(ILOpCode code)
    {
        if (code is ILOpCode.Brtrue or ILOpCode.Brtrue_s or ILOpCode.Brfalse or ILOpCode.Brfalse_s)
        {
            StackValue value = Pop();
            if (!value.Scalar.Type.IsInteger)
            {
                throw compilation.Error(JitError.UnsupportedType, $"{value.Type} as a condition");
            }

            return code is ILOpCode.Brtrue or ILOpCode.Brtrue_s
                ? Emit.ToTruth(value.Scalar)
                : Emit.Compare(Op.Eq, value.Scalar, Emit.Constant(value.Scalar.Type, 0));
        }

        if (!ArithmeticTranslator.IsComparison(code))
        {
            return null;
        }

        StackValue second = Pop();
        return _arithmetic.Compare(code, Pop(), second);
    }

    /// <summary>Translates one instruction; false if control does not come back from it.</summary>
    public bool Translate(IlInstruction instruction, ILOpCode next)
    {
        ILOpCode code = instruction.Code;
        switch (code)
        {
            case ILOpCode.Nop or ILOpCode.Readonly or ILOpCode.Tail or ILOpCode.Volatile or ILOpCode.Break:
                return true;
            case ILOpCode.Constrained:
                _constrained = frame.ResolveType(instruction.Operand);
                return true;
            case ILOpCode.Call or ILOpCode.Callvirt:
                return Call(frame.ResolveMethod(instruction.Operand));
            case ILOpCode.Newobj:
                return Create((ConstructorInfo)frame.ResolveMethod(instruction.Operand));
            case ILOpCode.Dup:
                stack.Add(stack[^1]);
                return true;
            case ILOpCode.Pop:
                Pop();
                return true;
            case ILOpCode.Box when next == ILOpCode.Unbox_any:
                return true;
            case ILOpCode.Unbox_any when stack[^1].Type == frame.ResolveType(instruction.Operand):
                return true; // (int)(object)value, after typeof(T) == typeof(int)
        }

        if (Variable(instruction) || Memory(instruction) || Constant(instruction))
        {
            return true;
        }

        if (ArithmeticTranslator.IsUnary(code))
        {
            stack.Add(_arithmetic.Unary(code, Pop(), next));
        }
        else if (ArithmeticTranslator.IsBinary(code))
        {
            StackValue second = Pop();
            stack.Add(_arithmetic.Binary(code, Pop(), second));
        }
        else
        {
            throw Unsupported(instruction);
        }

        return true;
    }

    private bool Variable(IlInstruction instruction)
    {
        ILOpCode code = instruction.Code;
        int index = (int)instruction.Operand;
        switch (code)
        {
            case >= ILOpCode.Ldarg_0 and <= ILOpCode.Ldarg_3:
                Load(frame.Argument(code - ILOpCode.Ldarg_0));
                return true;
            case ILOpCode.Ldarg or ILOpCode.Ldarg_s:
                Load(frame.Argument(index));
                return true;
            case ILOpCode.Starg or ILOpCode.Starg_s:
                Store(frame.Argument(index));
                return true;
            case ILOpCode.Ldarga or ILOpCode.Ldarga_s:
                LoadReference(frame.Argument(index));
                return true;
            case >= ILOpCode.Ldloc_0 and <= ILOpCode.Ldloc_3:
                Load(frame.Local(code - ILOpCode.Ldloc_0));
                return true;
            case ILOpCode.Ldloc or ILOpCode.Ldloc_s:
                Load(frame.Local(index));
                return true;
            case >= ILOpCode.Stloc_0 and <= ILOpCode.Stloc_3:
                Store(frame.Local(code - ILOpCode.Stloc_0));
                return true;
            case ILOpCode.Stloc or ILOpCode.Stloc_s:
                Store(frame.Local(index));
                return true;
            case ILOpCode.Ldloca or ILOpCode.Ldloca_s:
                LoadReference(frame.Local(index));
                return true;
            default:
                return false;
        }
    }

    private bool Constant(IlInstruction instruction)
    {
        ILOpCode code = instruction.Code;
        switch (code)
        {
            case >= ILOpCode.Ldc_i4_m1 and <= ILOpCode.Ldc_i4_8:
                Push(typeof(int), Emit.Int((int)code - (int)ILOpCode.Ldc_i4_0));
                return true;
            case ILOpCode.Ldc_i4 or ILOpCode.Ldc_i4_s:
                Push(typeof(int), Emit.Int((int)instruction.Operand));
                return true;
            case ILOpCode.Ldc_i8:
                Push(typeof(long), Emit.Long(instruction.Operand));
                return true;
            case ILOpCode.Ldc_r4:
                Push(typeof(float), Emit.Constant(IrType.F32, (int)instruction.Operand));
                return true;
            case ILOpCode.Ldc_r8:
                Push(typeof(double), Emit.Constant(IrType.F64, instruction.Operand));
                return true;
            case ILOpCode.Sizeof:
                Push(typeof(int), Emit.Int(compilation.MemoryShape(frame.ResolveType(instruction.Operand)).Size));
                return true;
            case ILOpCode.Ldtoken when IsType(instruction.Operand):
                Push(typeof(RuntimeTypeHandle), new TypeHandle(frame.ResolveType(instruction.Operand)));
                return true;
            case ILOpCode.Ldsfld:
                FieldInfo field = frame.ResolveField(instruction.Operand);
                stack.Add(StaticValue(field));
                return true;
            default:
                return false;
        }
    }

    private static bool IsType(long token) =>
        MetadataTokens.Handle((int)token).Kind is HandleKind.TypeReference or HandleKind.TypeDefinition or HandleKind.TypeSpecification;

    private bool Memory(IlInstruction instruction)
    {
        ILOpCode code = instruction.Code;
        switch (code)
        {
            case ILOpCode.Ldobj:
                stack.Add(compilation.Memory.Read(frame.ResolveType(instruction.Operand), Reference()));
                return true;
            case ILOpCode.Stobj:
                StoreThrough(frame.ResolveType(instruction.Operand));
                return true;
            case ILOpCode.Cpobj:
                Type copied = frame.ResolveType(instruction.Operand);
                StackValue source = compilation.Memory.Read(copied, Reference());
                compilation.Memory.Write(copied, Reference(), source);
                return true;
            case ILOpCode.Initobj:
                Type cleared = frame.ResolveType(instruction.Operand);
                compilation.Memory.Write(cleared, Reference(), compilation.Memory.Default(cleared));
                return true;
            case ILOpCode.Ldfld:
                FieldInfo loaded = frame.ResolveField(instruction.Operand);
                StackValue owner = Pop();
                stack.Add(owner.Type.IsByRef
                    ? compilation.Memory.Read(loaded.FieldType, compilation.Memory.Field(owner.Scalar, loaded))
                    : compilation.Memory.FieldOf(owner, loaded));
                return true;
            case ILOpCode.Ldflda:
                FieldInfo referenced = frame.ResolveField(instruction.Operand);
                Push(referenced.FieldType.MakeByRefType(), compilation.Memory.Field(Reference(), referenced));
                return true;
            case ILOpCode.Stfld:
                FieldInfo stored = frame.ResolveField(instruction.Operand);
                StackValue value = Pop();
                compilation.Memory.Write(stored.FieldType, compilation.Memory.Field(Reference(), stored), value);
                return true;
        }

        if (IndirectType(code) is not { } type)
        {
            return false;
        }

        if (code is >= ILOpCode.Ldind_i1 and <= ILOpCode.Ldind_r8)
        {
            stack.Add(compilation.Memory.Read(type, Reference()));
        }
        else
        {
            StoreThrough(type);
        }

        return true;
    }

    private static Type? IndirectType(ILOpCode code) => code switch
    {
        ILOpCode.Ldind_i1 or ILOpCode.Stind_i1 => typeof(sbyte),
        ILOpCode.Ldind_u1 => typeof(byte),
        ILOpCode.Ldind_i2 or ILOpCode.Stind_i2 => typeof(short),
        ILOpCode.Ldind_u2 => typeof(ushort),
        ILOpCode.Ldind_i4 or ILOpCode.Ldind_u4 or ILOpCode.Stind_i4 => typeof(int),
        ILOpCode.Ldind_i8 or ILOpCode.Stind_i8 => typeof(long),
        ILOpCode.Ldind_i or ILOpCode.Stind_i => typeof(nint),
        ILOpCode.Ldind_r4 or ILOpCode.Stind_r4 => typeof(float),
        ILOpCode.Ldind_r8 or ILOpCode.Stind_r8 => typeof(double),
        _ => null,
    };

    // a variable has its own type, whatever sign the instruction gives it
    private void StoreThrough(Type type)
    {
        StackValue value = Pop();
        IrValue reference = Reference();
        compilation.Memory.Write(reference is Place { Shape: { Leaves.Length: 1 } shape } ? shape.Type : type, reference, value);
    }

    private void Load(Place place) => stack.Add(compilation.Memory.Read(place.Shape.Type, place));

    private void Store(Place place) => compilation.Memory.Write(place.Shape.Type, place, Pop());

    private void LoadReference(Place place) => Push(place.Shape.Type.MakeByRefType(), place);

    private IrValue Reference()
    {
        StackValue value = Pop();
        return value.Type.IsByRef ? value.Scalar : throw compilation.Error(JitError.PointerArithmetic, value.Type.Name);
    }

    private void Push(Type type, IrValue value) => stack.Add(new(type, [value]));

    private bool Call(MethodBase method)
    {
        var arguments = new StackValue[method.GetParameters().Length + (method.IsStatic ? 0 : 1)];
        for (int i = arguments.Length - 1; i >= 0; i--)
        {
            arguments[i] = Pop();
        }

        Type? constrained = _constrained;
        _constrained = null;
        return Push(_calls.Call(method, arguments, constrained));
    }

    private bool Create(ConstructorInfo constructor)
    {
        Type type = constructor.DeclaringType!;
        if (!type.IsValueType)
        {
            throw typeof(Delegate).IsAssignableFrom(type) ? compilation.Error(JitError.Delegate, type.Name)
                : typeof(Exception).IsAssignableFrom(type) ? compilation.Error(JitError.Throw, type.Name)
                : compilation.Error(JitError.Allocation, type.Name);
        }

        TypeShape shape = compilation.Shape(type);
        var created = new Place(shape, [.. shape.Leaves.Select(leaf => new Variable(leaf.Stack, leaf.Signed, leaf.Memory))]);
        compilation.Referenced.UnionWith(created.Variables);
        compilation.Memory.Write(type, created, compilation.Memory.Default(type));
        var arguments = new StackValue[constructor.GetParameters().Length + 1];
        for (int i = arguments.Length - 1; i > 0; i--)
        {
            arguments[i] = Pop();
        }

        arguments[0] = new(type.MakeByRefType(), [created]);
        return _calls.Call(constructor, arguments, null) is not null && Push(compilation.Memory.Read(type, created));
    }

    private bool Push(StackValue? result)
    {
        if (result is { } value && value.Type != typeof(void))
        {
            stack.Add(value);
        }

        return result is not null;
    }

    private StackValue StaticValue(FieldInfo field)
    {
        if (typeof(Delegate).IsAssignableFrom(field.FieldType))
        {
            throw compilation.Error(JitError.Delegate, field.FieldType.Name);
        }

        if (!field.IsInitOnly && !field.IsLiteral)
        {
            throw compilation.Error(JitError.StaticState, $"{field.DeclaringType?.Name}.{field.Name}");
        }

        if (TypeShape.Of(field.FieldType) is not { IsStorable: true } shape)
        {
            throw compilation.Error(JitError.StaticState, $"{field.DeclaringType?.Name}.{field.Name} of type {field.FieldType.Name}");
        }

        return new(field.FieldType, [.. Parts(field.GetValue(null)!, shape)]);
    }

    private IEnumerable<IrValue> Parts(object value, TypeShape shape)
    {
        if (TypeMap.Scalar(shape.Type) is null)
        {
            return TypeMap.Fields(shape.Type).SelectMany(field => Parts(field.GetValue(value)!, compilation.Shape(field.FieldType)));
        }

        return [value switch
        {
            float single => Emit.Single(single),
            double number => Emit.Constant(IrType.F64, BitConverter.DoubleToInt64Bits(number)),
            ulong large => Emit.Long((long)large),
            char character => Emit.Int(character),
            _ => Emit.Constant(shape.Leaves[0].Stack, Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)),
        }];
    }

    private KernelCompilationException Unsupported(IlInstruction instruction) => instruction.Code switch
    {
        ILOpCode.Newarr => compilation.Error(JitError.Allocation, $"{frame.ResolveType(instruction.Operand).Name}[]"),
        ILOpCode.Box or ILOpCode.Unbox or ILOpCode.Unbox_any or ILOpCode.Isinst or ILOpCode.Castclass =>
            compilation.Error(JitError.Boxing, frame.ResolveType(instruction.Operand).Name),
        ILOpCode.Ldftn or ILOpCode.Ldvirtftn or ILOpCode.Calli => compilation.Error(JitError.Delegate, instruction.Code.ToString()),
        ILOpCode.Ldstr => compilation.Error(JitError.Text, frame.Method.Module.ResolveString((int)instruction.Operand)),
        ILOpCode.Stsfld or ILOpCode.Ldsflda => compilation.Error(JitError.StaticState, frame.ResolveField(instruction.Operand).Name),
        ILOpCode.Localloc => compilation.Error(JitError.PointerArithmetic, "stackalloc"),
        >= ILOpCode.Ldlen and <= ILOpCode.Stelem => compilation.Error(JitError.UnsupportedType, "array"),
        ILOpCode.Ldnull => compilation.Error(JitError.UnsupportedType, "null"),
        >= ILOpCode.Add_ovf and <= ILOpCode.Sub_ovf_un => compilation.Error(JitError.CheckedArithmetic, instruction.Code.ToString()),
        _ when instruction.Code.ToString().StartsWith("Conv_ovf", StringComparison.Ordinal) =>
            compilation.Error(JitError.CheckedArithmetic, instruction.Code.ToString()),
        _ => compilation.Error(JitError.UnsupportedInstruction, instruction.Code.ToString()),
    };
}
