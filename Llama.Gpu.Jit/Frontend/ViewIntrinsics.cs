using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Views, the memory behind them, and atomics on their elements. A view is its first element's address and its length.</summary>
internal static class ViewIntrinsics
{
    public static StackValue? Element(IntrinsicCall call) => call.Result(Address(call, call.Instance().Parts[0], call.Long(0)));

    /// <summary>An element of the view that is the first argument, read as part of a stream.</summary>
    public static StackValue? StreamedElement(IntrinsicCall call) =>
        call.Compilation.Memory.Read(call.TypeArgument, AddressInFirst(call), isStreamed: true);

    /// <summary>A hint at an element of the view that is the first argument.</summary>
    public static StackValue? Prefetch(IntrinsicCall call)
    {
        if (call.Compilation.Options.Prefetches)
        {
            call.Emit.Emit(Op.Prefetch, IrType.Void, 0, AddressInFirst(call));
        }

        return new StackValue(typeof(void), []);
    }

    public static StackValue? LengthInBytes(IntrinsicCall call) =>
        call.Result(call.Emit.Binary(Op.Mul, call.Instance().Parts[1], call.Emit.Long(ElementShape(call).Size)));

    public static StackValue? SubView(IntrinsicCall call)
    {
        IrValue[] view = call.Instance().Parts;
        IrValue start = call.Long(0);
        IrValue length = call.Method.GetParameters().Length == 1 ? call.Emit.Binary(Op.Sub, view[1], start) : call.Long(1);
        return call.Result(Address(call, view[0], start), length);
    }

    // lengths are not negative; sizes that are multiples of each other, as most are, need one operation
    public static StackValue? Cast(IntrinsicCall call)
    {
        IrValue[] view = call.Instance().Parts;
        int from = ElementShape(call).Size;
        int to = call.Compilation.MemoryShape(call.TypeArgument).Size;
        IrValue length = view[1];
        if (to % from == 0)
        {
            length = call.Emit.Binary(Op.DivU, length, call.Emit.Long(to / from));
        }
        else
        {
            IrValue bytes = call.Emit.Binary(Op.Mul, length, call.Emit.Long(from));
            length = from % to == 0
                ? call.Emit.Binary(Op.Mul, length, call.Emit.Long(from / to))
                : call.Emit.Binary(Op.DivU, bytes, call.Emit.Long(to));
        }

        return call.Result(view[0], length);
    }

    public static StackValue? Allocate(IntrinsicCall call, Op op, AddressSpace space)
    {
        TypeShape element = call.Compilation.MemoryShape(call.TypeArgument);
        IrType pointer = IrType.Pointer(space);
        if (call.Method.GetParameters().Length == 0)
        {
            return call.Result(call.Emit.Emit(op, pointer, element.Size));
        }

        if (Emitter.Known(call.Scalar(0)) is not { } extent || extent < 0)
        {
            throw call.Compilation.Error(JitError.ExtentNotConstant, KernelName.Of(call.Method));
        }

        return call.Result(call.Emit.Emit(op, pointer, extent * element.Size), call.Emit.Long(extent));
    }

    public static StackValue? Dynamic(IntrinsicCall call)
    {
        IrValue bytes = call.Emit.Resize(call.Emit.BuiltIn(BuiltIn.DynamicSharedBytes), IrType.I64, signed: true);
        IrValue length = call.Emit.Binary(Op.DivU, bytes, call.Emit.Long(call.Compilation.MemoryShape(call.TypeArgument).Size));
        return call.Result(call.Emit.Emit(Op.DynamicShared, IrType.Pointer(AddressSpace.Shared), 0), length);
    }

    public static Intrinsic Atomic(AtomicOp signed, AtomicOp unsigned) => call =>
    {
        IrValue operand = call.Scalar(1);
        bool isUnsigned = call.ParameterType(1) == typeof(uint) || call.ParameterType(1) == typeof(ulong);
        return call.Result(call.Emit.Emit(Op.Atomic, operand.Type, (long)(isUnsigned ? unsigned : signed), Target(call), operand));
    };

    public static StackValue? CompareExchange(IntrinsicCall call) =>
        call.Result(call.Emit.Emit(Op.CompareExchange, call.Scalar(1).Type, 0, Target(call), call.Scalar(1), call.Scalar(2)));

    private static IrValue Target(IntrinsicCall call) => call.Scalar(0) is { } reference and not Place
        ? reference
        : throw call.Compilation.Error(JitError.LocalReference, "the target of an atomic operation");

    private static TypeShape ElementShape(IntrinsicCall call) =>
        call.Compilation.MemoryShape(call.Method.DeclaringType!.GetGenericArguments()[0]);

    private static IrValue AddressInFirst(IntrinsicCall call) => call.Emit.Offset(
        call.Argument(0).Parts[0],
        call.Emit.Binary(Op.Mul, call.Long(1), call.Emit.Long(call.Compilation.MemoryShape(call.TypeArgument).Size)));

    private static IrValue Address(IntrinsicCall call, IrValue first, IrValue index) =>
        call.Emit.Offset(first, call.Emit.Binary(Op.Mul, index, call.Emit.Long(ElementShape(call).Size)));
}
