using System.Reflection;
using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Makes operations of a call; null if it never returns.</summary>
internal delegate StackValue? Intrinsic(IntrinsicCall call);

/// <summary>
/// The methods that are operations of the IR; every other method is built into the kernel by its own IL. Overloads share an entry,
/// which looks at its parameters' types.
/// </summary>
internal static class IntrinsicTable
{
    private static readonly Dictionary<(Type Type, string Method), Intrinsic> Table = new()
    {
        // where a lane stands
        [(typeof(Grid), "get_IdxX")] = LaunchIntrinsics.BuiltIn(BuiltIn.GroupX),
        [(typeof(Grid), "get_IdxY")] = LaunchIntrinsics.BuiltIn(BuiltIn.GroupY),
        [(typeof(Grid), "get_IdxZ")] = LaunchIntrinsics.BuiltIn(BuiltIn.GroupZ),
        [(typeof(Grid), "get_DimX")] = LaunchIntrinsics.BuiltIn(BuiltIn.GridDimX),
        [(typeof(Grid), "get_DimY")] = LaunchIntrinsics.BuiltIn(BuiltIn.GridDimY),
        [(typeof(Grid), "get_DimZ")] = LaunchIntrinsics.BuiltIn(BuiltIn.GridDimZ),
        [(typeof(Grid), "get_Index")] = LaunchIntrinsics.Three(BuiltIn.GroupX, BuiltIn.GroupY, BuiltIn.GroupZ),
        [(typeof(Grid), "get_Dimension")] = LaunchIntrinsics.Three(BuiltIn.GridDimX, BuiltIn.GridDimY, BuiltIn.GridDimZ),
        [(typeof(Group), "get_IdxX")] = LaunchIntrinsics.BuiltIn(BuiltIn.LaneX),
        [(typeof(Group), "get_IdxY")] = LaunchIntrinsics.BuiltIn(BuiltIn.LaneY),
        [(typeof(Group), "get_IdxZ")] = LaunchIntrinsics.BuiltIn(BuiltIn.LaneZ),
        [(typeof(Group), "get_DimX")] = LaunchIntrinsics.BuiltIn(BuiltIn.GroupDimX),
        [(typeof(Group), "get_DimY")] = LaunchIntrinsics.BuiltIn(BuiltIn.GroupDimY),
        [(typeof(Group), "get_DimZ")] = LaunchIntrinsics.BuiltIn(BuiltIn.GroupDimZ),
        [(typeof(Group), "get_Index")] = LaunchIntrinsics.Three(BuiltIn.LaneX, BuiltIn.LaneY, BuiltIn.LaneZ),
        [(typeof(Group), "get_Dimension")] = LaunchIntrinsics.Three(BuiltIn.GroupDimX, BuiltIn.GroupDimY, BuiltIn.GroupDimZ),
        [(typeof(Group), "get_LinearIndex")] = call => call.Result(LaunchIntrinsics.LinearIndex(call)),
        [(typeof(Warp), "get_WarpSize")] = call => call.Result(LaunchIntrinsics.WarpSize(call)),
        [(typeof(Warp), "get_LaneIdx")] = call => call.Result(LaunchIntrinsics.LaneInWarp(call)),
        [(typeof(Warp), "get_WarpIdx")] = call => call.Result(LaunchIntrinsics.WarpInGroup(call)),

        // lanes together
        [(typeof(Group), "Barrier")] = LaunchIntrinsics.Effect(Op.Barrier, 0),
        [(typeof(Group), "Broadcast")] = call => LaunchIntrinsics.Exchange(call, Op.Broadcast, call.Scalar(1)),
        [(typeof(Warp), "Barrier")] = LaunchIntrinsics.Effect(Op.WarpBarrier, 0),
        [(typeof(Warp), "Shuffle")] = call => LaunchIntrinsics.Exchange(call, Op.Shuffle, call.Scalar(1)),
        [(typeof(Warp), "Broadcast")] = call => LaunchIntrinsics.Exchange(call, Op.Shuffle, call.Scalar(1)),
        [(typeof(Warp), "ShuffleDown")] = LaunchIntrinsics.ShuffleBy(Op.Add),
        [(typeof(Warp), "ShuffleUp")] = LaunchIntrinsics.ShuffleBy(Op.Sub),
        [(typeof(Warp), "ShuffleXor")] = LaunchIntrinsics.ShuffleBy(Op.Xor),
        [(typeof(MemoryFence), "GroupLevel")] = LaunchIntrinsics.Effect(Op.Fence, (long)FenceScope.Group),
        [(typeof(MemoryFence), "DeviceLevel")] = LaunchIntrinsics.Effect(Op.Fence, (long)FenceScope.Device),
        [(typeof(MemoryFence), "SystemLevel")] = LaunchIntrinsics.Effect(Op.Fence, (long)FenceScope.System),

        // memory
        [(typeof(SharedMemory), "Allocate")] = call => ViewIntrinsics.Allocate(call, Op.AllocateShared, AddressSpace.Shared),
        [(typeof(SharedMemory), "GetDynamic")] = ViewIntrinsics.Dynamic,
        [(typeof(LocalMemory), "Allocate")] = call => ViewIntrinsics.Allocate(call, Op.AllocateLocal, AddressSpace.Local),
        [(typeof(ArrayView<>), "get_Item")] = ViewIntrinsics.Element,
        [(typeof(ArrayView<>), "get_Length")] = call => call.Result(call.Instance().Parts[1]),
        [(typeof(ArrayView<>), "get_IntLength")] = call => call.Result(call.Emit.Resize(call.Instance().Parts[1], IrType.I32, signed: true)),
        [(typeof(ArrayView<>), "get_LengthInBytes")] = ViewIntrinsics.LengthInBytes,
        [(typeof(ArrayView<>), "get_Empty")] = call => call.Compilation.Memory.Default(call.Method.ReturnType),
        [(typeof(ArrayView<>), "SubView")] = ViewIntrinsics.SubView,
        [(typeof(ArrayView<>), "Cast")] = ViewIntrinsics.Cast,
        [(typeof(StreamedMemory), "Load")] = ViewIntrinsics.StreamedElement,
        [(typeof(StreamedMemory), "Prefetch")] = ViewIntrinsics.Prefetch,
        [(typeof(LongIndex1D), "ToIntIndex")] = call => call.Result(call.Emit.Resize(call.Instance().Scalar, IrType.I32, signed: true)),
        [(typeof(Atomic), "Add")] = ViewIntrinsics.Atomic(AtomicOp.Add, AtomicOp.Add),
        [(typeof(Atomic), "Min")] = ViewIntrinsics.Atomic(AtomicOp.Min, AtomicOp.MinU),
        [(typeof(Atomic), "Max")] = ViewIntrinsics.Atomic(AtomicOp.Max, AtomicOp.MaxU),
        [(typeof(Atomic), "And")] = ViewIntrinsics.Atomic(AtomicOp.And, AtomicOp.And),
        [(typeof(Atomic), "Or")] = ViewIntrinsics.Atomic(AtomicOp.Or, AtomicOp.Or),
        [(typeof(Atomic), "Xor")] = ViewIntrinsics.Atomic(AtomicOp.Xor, AtomicOp.Xor),
        [(typeof(Atomic), "Exchange")] = ViewIntrinsics.Atomic(AtomicOp.Exchange, AtomicOp.Exchange),
        [(typeof(Atomic), "CompareExchange")] = ViewIntrinsics.CompareExchange,

        // tensor cores and asynchronous copies
        [(typeof(TensorCore), "MultiplyAdd")] = TensorIntrinsics.MultiplyAdd,
        [(typeof(TensorCore), "LoadMatrix")] = TensorIntrinsics.LoadMatrix(1, transposed: false),
        [(typeof(TensorCore), "LoadMatrices2")] = TensorIntrinsics.LoadMatrix(2, transposed: false),
        [(typeof(TensorCore), "LoadMatrices4")] = TensorIntrinsics.LoadMatrix(4, transposed: false),
        [(typeof(TensorCore), "LoadMatrixTransposed")] = TensorIntrinsics.LoadMatrix(1, transposed: true),
        [(typeof(TensorCore), "LoadMatrices2Transposed")] = TensorIntrinsics.LoadMatrix(2, transposed: true),
        [(typeof(TensorCore), "LoadMatrices4Transposed")] = TensorIntrinsics.LoadMatrix(4, transposed: true),
        [(typeof(AsyncCopy), "Copy4")] = TensorIntrinsics.Copy(4),
        [(typeof(AsyncCopy), "Copy8")] = TensorIntrinsics.Copy(8),
        [(typeof(AsyncCopy), "Copy16")] = TensorIntrinsics.Copy(16),
        [(typeof(AsyncCopy), "Commit")] = LaunchIntrinsics.Effect(Op.AsyncCommit, 0),
        [(typeof(AsyncCopy), "Wait")] = TensorIntrinsics.Wait(Op.AsyncWait),

        // warp groups
        [(typeof(WarpGroup), "Fence")] = LaunchIntrinsics.Effect(Op.WarpGroupFence, 0),
        [(typeof(WarpGroup), "MultiplyAdd")] = WarpGroupIntrinsics.MultiplyAdd,
        [(typeof(WarpGroup), "MultiplyAddHeld")] = WarpGroupIntrinsics.MultiplyAddHeld,
        [(typeof(WarpGroup), "Commit")] = LaunchIntrinsics.Effect(Op.WarpGroupCommit, 0),
        [(typeof(WarpGroup), "Wait")] = TensorIntrinsics.Wait(Op.WarpGroupWait),
        [(typeof(WarpGroup), "FenceStores")] = LaunchIntrinsics.Effect(Op.WarpGroupFenceStores, 0),
        [(typeof(WarpGroup), "IncreaseRegisters")] = WarpGroupIntrinsics.Registers(1),
        [(typeof(WarpGroup), "DecreaseRegisters")] = WarpGroupIntrinsics.Registers(-1),
        [(typeof(AsyncBarrier), "Initialize")] = WarpGroupIntrinsics.Barrier(Op.AsyncBarrierInit),
        [(typeof(AsyncBarrier), "Arrive")] = WarpGroupIntrinsics.Barrier(Op.AsyncBarrierArrive),
        [(typeof(AsyncBarrier), "ArriveAndExpect")] = WarpGroupIntrinsics.Barrier(Op.AsyncBarrierArrive),
        [(typeof(AsyncBarrier), "Wait")] = WarpGroupIntrinsics.Barrier(Op.AsyncBarrierWait),
        [(typeof(TensorMap<>), "Load")] = WarpGroupIntrinsics.Load,
        [(typeof(Cluster), "Barrier")] = LaunchIntrinsics.Effect(Op.ClusterBarrier, 0),
        [(typeof(Cluster), "Arrive")] = ClusterIntrinsics.Arrive,
        [(typeof(Cluster), "Load")] = ClusterIntrinsics.Load,

        // functions of ILGPU
        [(typeof(XMath), "Exp")] = Function(Op.Exp),
        [(typeof(XMath), "Exp2")] = Function(Op.Exp2),
        [(typeof(XMath), "Exp2Approximate")] = Function(Op.Exp2Approximate),
        [(typeof(XMath), "Log")] = Function(Op.Log),
        [(typeof(XMath), "Sqrt")] = Function(Op.Sqrt),
        [(typeof(XMath), "Rsqrt")] = Function(Op.Rsqrt),
        [(typeof(XMath), "Tanh")] = Function(Op.Tanh),
        [(typeof(XMath), "Abs")] = Function(Op.Abs),
        [(typeof(XMath), "Min")] = Ordered(Op.Min, Op.MinU),
        [(typeof(XMath), "Max")] = Ordered(Op.Max, Op.MaxU),
        [(typeof(XMath), "IsNaN")] = call => call.Truth(call.Emit.Binary(Op.Ne, call.Scalar(0), call.Scalar(0))),
        [(typeof(IntrinsicMath), "Abs")] = Function(Op.Abs),
        [(typeof(IntrinsicMath), "Min")] = Ordered(Op.Min, Op.MinU),
        [(typeof(IntrinsicMath), "Max")] = Ordered(Op.Max, Op.MaxU),

        // 16-bit numbers
        [(typeof(BFloat16), "op_Implicit")] = FromBits(Op.BFloat16ToFloat),
        [(typeof(BFloat16), "op_Explicit")] = ToBits(Op.FloatToBFloat16),
        [(typeof(Half), "op_Implicit")] = FromBits(Op.HalfToFloat),
        [(typeof(Half), "op_Explicit")] = ToBits(Op.FloatToHalf),

        // bits
        [(typeof(BitConverter), "SingleToInt32Bits")] = Bits(IrType.I32),
        [(typeof(BitConverter), "SingleToUInt32Bits")] = Bits(IrType.I32),
        [(typeof(BitConverter), "Int32BitsToSingle")] = Bits(IrType.F32),
        [(typeof(BitConverter), "UInt32BitsToSingle")] = Bits(IrType.F32),
        [(typeof(BitConverter), "DoubleToInt64Bits")] = Bits(IrType.I64),
        [(typeof(BitConverter), "DoubleToUInt64Bits")] = Bits(IrType.I64),
        [(typeof(BitConverter), "Int64BitsToDouble")] = Bits(IrType.F64),
        [(typeof(BitConverter), "UInt64BitsToDouble")] = Bits(IrType.F64),
        [(typeof(Unsafe), "SizeOf")] = call => call.Result(call.Emit.Int(call.Compilation.MemoryShape(call.TypeArgument).Size)),
        [(typeof(Unsafe), "As")] = call => call.Result(call.Scalar(0)),
        [(typeof(Type), "GetTypeFromHandle")] = call => call.Result(call.Handle(0)),
        [(typeof(Type), "op_Equality")] = call => SameType(call, true),
        [(typeof(Type), "op_Inequality")] = call => SameType(call, false),
    };

    // the framework's functions, the same for both precisions
    private static readonly Dictionary<string, Intrinsic> MathTable = new()
    {
        ["Sqrt"] = Function(Op.Sqrt),
        ["Exp"] = Function(Op.Exp),
        ["Log2"] = Function(Op.Log2),
        ["Sin"] = Function(Op.Sin),
        ["Cos"] = Function(Op.Cos),
        ["Tanh"] = Function(Op.Tanh),
        ["Floor"] = Function(Op.Floor),
        ["Ceiling"] = Function(Op.Ceiling),
        ["Truncate"] = Function(Op.Truncate),
        ["Abs"] = Function(Op.Abs),
        ["Min"] = Ordered(Op.Min, Op.MinU),
        ["Max"] = Ordered(Op.Max, Op.MaxU),
        ["Clamp"] = Clamp,
        ["Pow"] = call => call.Result(call.Emit.Emit(Op.Pow, call.Scalar(0).Type, 0, call.Scalar(0), call.Scalar(1))),
        ["FusedMultiplyAdd"] = call =>
            call.Result(call.Emit.Emit(Op.Fma, call.Scalar(0).Type, 0, call.Scalar(0), call.Scalar(1), call.Scalar(2))),
    };

    // with one parameter: Log(x, base) and Round(x, digits) are other functions
    private static readonly Dictionary<string, Intrinsic> OneParameter = new()
    {
        ["Log"] = Function(Op.Log),
        ["Round"] = Function(Op.RoundEven),
    };

    /// <summary>The operation that a method is; null if it is to be built in.</summary>
    public static Intrinsic? Find(MethodBase method)
    {
        if (method is not MethodInfo || method.DeclaringType is not { } type)
        {
            return null;
        }

        type = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        if (type == typeof(Math) || type == typeof(MathF))
        {
            return MathTable.GetValueOrDefault(method.Name)
                ?? (method.GetParameters().Length == 1 ? OneParameter.GetValueOrDefault(method.Name) : null);
        }

        // the framework's own code for processors without an instruction is plain arithmetic
        if (type.Namespace == "System.Runtime.Intrinsics.X86" && method.Name == "get_IsSupported")
        {
            return call => call.Result(call.Emit.Int(0));
        }

        return Table.GetValueOrDefault((type, method.Name));
    }

    private static Intrinsic Function(Op op) => call => call.Result(call.Emit.Unary(op, call.Scalar(0)));

    private static Intrinsic Ordered(Op signed, Op unsigned) => call =>
        call.Result(call.Emit.Binary(IsUnsigned(call.ParameterType(0)) ? unsigned : signed, call.Scalar(0), call.Scalar(1)));

    private static StackValue? Clamp(IntrinsicCall call)
    {
        bool unsigned = IsUnsigned(call.ParameterType(0));
        IrValue atMost = call.Emit.Binary(unsigned ? Op.MinU : Op.Min, call.Scalar(0), call.Scalar(2));
        return call.Result(call.Emit.Binary(unsigned ? Op.MaxU : Op.Max, atMost, call.Scalar(1)));
    }

    private static Intrinsic FromBits(Op op) => call =>
        call.Result(call.Emit.Convert(op, IrType.F32, call.Emit.Resize(call.Scalar(0), IrType.I16, signed: false)));

    private static Intrinsic ToBits(Op op) => call =>
        call.Result(call.Emit.Resize(call.Emit.Convert(op, IrType.I16, call.Scalar(0)), IrType.I32, signed: false));

    private static Intrinsic Bits(IrType type) => call => call.Result(call.Emit.Convert(Op.Bitcast, type, call.Scalar(0)));

    private static StackValue SameType(IntrinsicCall call, bool equal)
    {
        if (call.Handle(0) is not TypeHandle first || call.Handle(1) is not TypeHandle second)
        {
            throw call.Compilation.Error(JitError.UnsupportedType, nameof(Type));
        }

        return call.Result(call.Emit.Int(first.Of == second.Of == equal ? 1 : 0));
    }

    private static bool IsUnsigned(Type type) => type == typeof(uint) || type == typeof(ulong) || type == typeof(nuint);
}
