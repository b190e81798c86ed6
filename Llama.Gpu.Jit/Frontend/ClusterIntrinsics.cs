using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>What the groups of a cluster do together.</summary>
internal static class ClusterIntrinsics
{
    private static readonly StackValue Nothing = new(typeof(void), []);

    public static StackValue? Arrive(IntrinsicCall call)
    {
        int groups = Groups(call, 2);
        call.Emit.Emit(
            Op.AsyncBarrierArrive, IrType.Void, groups == 1 ? 0 : groups, TensorIntrinsics.Address(call, 0, sizeof(ulong)), call.Emit.Int(0));
        return Nothing;
    }

    public static StackValue? Load(IntrinsicCall call)
    {
        int groups = Groups(call, 8);
        var boxes = new ClusterBoxes(groups, (int)(Emitter.Known(call.Scalar(3)) ?? 0));
        if (groups > 1 && !boxes.IsOffered)
        {
            throw call.Compilation.Error(JitError.ClusterGroups, KernelName.Of(call.Method));
        }

        call.Emit.Emit(
            Op.TensorLoad,
            IrType.Void,
            groups == 1 ? 0 : boxes.Immediate,
            TensorIntrinsics.Address(call, 1, sizeof(ushort)),
            TensorIntrinsics.Address(call, 6, sizeof(ulong)),
            call.Scalar(0),
            call.Scalar(4),
            call.Scalar(5));
        return Nothing;
    }

    private static int Groups(IntrinsicCall call, int argument)
    {
        int groups = call.Compilation.ClusterSize;
        return groups is >= 1 and <= ClusterBoxes.MostGroups && Emitter.Known(call.Scalar(argument)) == groups
            ? groups
            : throw call.Compilation.Error(JitError.ClusterGroups, KernelName.Of(call.Method));
    }
}
