using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Tensor cores and asynchronous copies. A fragment, which is a struct of words, becomes a vector and is taken apart again.</summary>
internal static class TensorIntrinsics
{
    private const int LanesOfAWarp = 32;

    public static StackValue? MultiplyAdd(IntrinsicCall call)
    {
        RequireWarp(call);
        MatrixElement kind = Element(call);
        IrValue result = call.Emit.Emit(
            Op.MatrixMultiply, IrType.F32 with { Width = 4 }, (long)kind, Vector(call, 0, IrType.I32), Vector(call, 1, IrType.I32), Vector(call, 2, IrType.F32));
        return call.Result(Parts(call, result));
    }

    /// <summary>So many 8x8 matrices out of shared memory.</summary>
    public static Intrinsic LoadMatrix(int count, bool transposed) => call =>
    {
        RequireWarp(call);
        int size = call.Compilation.MemoryShape(call.TypeArgument).Size;
        if (size != sizeof(ushort))
        {
            throw call.Compilation.Error(JitError.MatrixElement, call.TypeArgument.Name);
        }

        IrValue result = call.Emit.Emit(Op.LoadMatrix, IrType.I32 with { Width = count }, transposed ? 1 : 0, Address(call, 0, size));
        return call.Result(Parts(call, result));
    };

    /// <summary>A copy of so many bytes.</summary>
    public static Intrinsic Copy(int bytes) => call =>
    {
        int size = call.Compilation.MemoryShape(call.TypeArgument).Size;
        bool hasSize = call.Method.GetParameters().Length == 5;
        IrValue read = hasSize ? call.Scalar(4) : call.Emit.Int(bytes);
        call.Emit.Emit(Op.AsyncCopy, IrType.Void, bytes, Address(call, 0, size), Address(call, 2, size), read);
        return new StackValue(typeof(void), []);
    };

    /// <summary>A wait that leaves a constant number of groups running.</summary>
    public static Intrinsic Wait(Op op) => call =>
    {
        if (Emitter.Known(call.Scalar(0)) is not { } pending || pending is < 0 or > OpTable.MostPendingCopies)
        {
            throw call.Compilation.Error(JitError.NotConstant, KernelName.Of(call.Method));
        }

        call.Emit.Emit(op, IrType.Void, pending);
        return new StackValue(typeof(void), []);
    };

    /// <summary>What is wrong with the memory that an operation of these is given; null if nothing is, or it is not known yet.</summary>
    public static string? WrongMemory(Instruction instruction)
    {
        bool IsOther(int operand, AddressSpace space) =>
            instruction.Operands[operand].Type.Space is var found && found != AddressSpace.Generic && found != space;
        return instruction.Op switch
        {
            Op.LoadMatrix when IsOther(0, AddressSpace.Shared) => "a matrix is loaded from memory that is not shared",
            Op.AsyncCopy when IsOther(0, AddressSpace.Shared) || IsOther(1, AddressSpace.Global) =>
                "an asynchronous copy does not go from global to shared memory",
            Op.AsyncBarrierInit or Op.AsyncBarrierArrive or Op.AsyncBarrierWait when IsOther(0, AddressSpace.Shared) =>
                "a barrier with phases does not lie in shared memory",
            Op.TensorLoad when IsOther(0, AddressSpace.Shared) || IsOther(1, AddressSpace.Shared) => "a box is copied to memory that is not shared",
            Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld when IsOther(0, AddressSpace.Local) => "the sums of a warp group do not lie in local memory",
            Op.WarpGroupMultiply when IsOther(1, AddressSpace.Shared) || IsOther(2, AddressSpace.Shared) =>
                "a warp group multiplies what does not lie in shared memory",
            Op.WarpGroupMultiplyHeld when IsOther(2, AddressSpace.Shared) =>
                "a warp group multiplies what does not lie in shared memory",
            _ => null,
        };
    }

    /// <summary>The type that is multiplied.</summary>
    public static MatrixElement Element(IntrinsicCall call) => call.TypeArgument == typeof(BFloat16) ? MatrixElement.BFloat16
        : call.TypeArgument == typeof(Half) ? MatrixElement.Half
        : throw call.Compilation.Error(JitError.MatrixElement, call.TypeArgument.Name);

    public static void RequireWarp(IntrinsicCall call)
    {
        if (call.Compilation.Options.WarpSize is not (null or LanesOfAWarp))
        {
            throw call.Compilation.Error(JitError.WarpOf32, KernelName.Of(call.Method));
        }
    }

    /// <summary>A fragment as a vector.</summary>
    public static Instruction Vector(IntrinsicCall call, int argument, IrType scalar)
    {
        IrValue[] parts = call.Argument(argument).Parts;
        return call.Emit.Emit(Op.BuildVector, scalar with { Width = parts.Length }, 0, parts);
    }

    private static IrValue[] Parts(IntrinsicCall call, IrValue value) => value.Type.Width == 1
        ? [value]
        : [.. Enumerable.Range(0, value.Type.Width).Select(i => call.Emit.Emit(Op.Extract, value.Type.Scalar, i, value))];

    // an element of a view: the view is one argument, the index the next
    public static IrValue Address(IntrinsicCall call, int view, int size) =>
        call.Emit.Offset(call.Argument(view).Parts[0], call.Emit.Binary(Op.Mul, call.Long(view + 1), call.Emit.Long(size)));
}
