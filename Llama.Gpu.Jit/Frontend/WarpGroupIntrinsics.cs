using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Products of warp groups, barriers with phases and copies of boxes.</summary>
internal static class WarpGroupIntrinsics
{
    private static readonly StackValue Nothing = new(typeof(void), []);

    public static StackValue? MultiplyAdd(IntrinsicCall call)
    {
        call.Emit.Emit(
            Op.WarpGroupMultiply,
            IrType.Void,
            Shape(call).Immediate,
            call.Argument(0).Parts[0],
            TensorIntrinsics.Address(call, 2, sizeof(ushort)),
            TensorIntrinsics.Address(call, 4, sizeof(ushort)),
            call.Emit.ToTruth(call.Scalar(6)));
        return Nothing;
    }

    public static StackValue? MultiplyAddHeld(IntrinsicCall call)
    {
        WarpGroupShape shape = Shape(call);
        if (Emitter.Known(call.Scalar(5)) is not { } distance || distance is <= 0 or > ushort.MaxValue * 2
            || (shape with { BlockDistance = (int)distance * sizeof(ushort) }) is not { IsOffered: true } blocks)
        {
            throw call.Compilation.Error(JitError.BlockDistance, KernelName.Of(call.Method));
        }

        call.Emit.Emit(
            Op.WarpGroupMultiplyHeld,
            IrType.Void,
            blocks.Immediate,
            call.Argument(0).Parts[0],
            TensorIntrinsics.Vector(call, 2, IrType.I32),
            TensorIntrinsics.Address(call, 3, sizeof(ushort)),
            call.Emit.ToTruth(call.Scalar(6)));
        return Nothing;
    }

    /// <summary>An operation on a barrier, which a view and an index name, with a number: 0 where there is none.</summary>
    public static Intrinsic Barrier(Op op) => call =>
    {
        bool hasNumber = call.Method.Name != nameof(AsyncBarrier.Arrive);
        call.Emit.Emit(op, IrType.Void, 0, TensorIntrinsics.Address(call, 0, sizeof(ulong)), hasNumber ? call.Scalar(2) : call.Emit.Int(0));
        return Nothing;
    };

    public static StackValue? Load(IntrinsicCall call)
    {
        call.Emit.Emit(
            Op.TensorLoad,
            IrType.Void,
            0,
            TensorIntrinsics.Address(call, 0, sizeof(ushort)),
            TensorIntrinsics.Address(call, 4, sizeof(ulong)),
            call.Instance().Scalar,
            call.Scalar(2),
            call.Scalar(3));
        return Nothing;
    }

    /// <summary>More registers, or with -1 fewer.</summary>
    public static Intrinsic Registers(int sign) => call =>
    {
        if (Emitter.Known(call.Scalar(0)) is not { } count || !OpTable.IsRegisterCount(count))
        {
            throw call.Compilation.Error(JitError.RegisterCount, KernelName.Of(call.Method));
        }

        call.Emit.Emit(Op.WarpGroupRegisters, IrType.Void, sign * count);
        return Nothing;
    };

    private static WarpGroupShape Shape(IntrinsicCall call)
    {
        TensorIntrinsics.RequireWarp(call);
        MatrixElement element = TensorIntrinsics.Element(call);
        return Emitter.Known(call.Scalar(1)) is { } columns && new WarpGroupShape(element, (int)columns) is { IsOffered: true } shape
            ? shape
            : throw call.Compilation.Error(JitError.WarpGroupColumns, KernelName.Of(call.Method));
    }
}
