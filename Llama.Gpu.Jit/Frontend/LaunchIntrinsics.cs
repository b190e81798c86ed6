using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Where a lane stands in a launch, and what lanes do together.</summary>
internal static class LaunchIntrinsics
{
    public static Intrinsic BuiltIn(BuiltIn which) => call => call.Result(call.Emit.BuiltIn(which));

    public static Intrinsic Three(BuiltIn x, BuiltIn y, BuiltIn z) => call =>
        call.Result(call.Emit.BuiltIn(x), call.Emit.BuiltIn(y), call.Emit.BuiltIn(z));

    public static Intrinsic Effect(Op op, long immediate) => call =>
    {
        call.Emit.Emit(op, IrType.Void, immediate);
        return new StackValue(typeof(void), []);
    };

    public static IrValue LinearIndex(IntrinsicCall call)
    {
        Emitter emit = call.Emit;
        IrValue rows = emit.Binary(Op.Mul, emit.BuiltIn(Ir.BuiltIn.LaneZ), emit.BuiltIn(Ir.BuiltIn.GroupDimY));
        IrValue row = emit.Binary(Op.Add, rows, emit.BuiltIn(Ir.BuiltIn.LaneY));
        return emit.Binary(Op.Add, emit.Binary(Op.Mul, row, emit.BuiltIn(Ir.BuiltIn.GroupDimX)), emit.BuiltIn(Ir.BuiltIn.LaneX));
    }

    public static IrValue WarpSize(IntrinsicCall call) =>
        call.Compilation.Options.WarpSize is { } known ? call.Emit.Int(known) : call.Emit.BuiltIn(Ir.BuiltIn.WarpSize);

    // neither is negative, and unsigned division is the cheaper
    public static IrValue LaneInWarp(IntrinsicCall call) => call.Emit.Binary(Op.RemU, LinearIndex(call), WarpSize(call));

    public static IrValue WarpInGroup(IntrinsicCall call) => call.Emit.Binary(Op.DivU, LinearIndex(call), WarpSize(call));

    public static Intrinsic ShuffleBy(Op op) => call =>
        Exchange(call, Op.Shuffle, call.Emit.Binary(op, LaneInWarp(call), call.Scalar(1)));

    // a struct goes scalar by scalar
    public static StackValue Exchange(IntrinsicCall call, Op op, IrValue lane)
    {
        StackValue value = call.Argument(0);
        call.Compilation.MemoryShape(value.Type);
        return call.Result([.. value.Parts.Select(part => call.Emit.Emit(op, part.Type, 0, part, lane))]);
    }
}
