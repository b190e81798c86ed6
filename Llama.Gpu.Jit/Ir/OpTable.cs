namespace Llama.Gpu.Jit.Ir;

/// <summary>The types that an operation takes and gives: <c>docs/ir.md</c> as a table.</summary>
internal static class OpTable
{
    /// <summary>The most groups that an <see cref="Op.AsyncWait"/> or <see cref="Op.WarpGroupWait"/> may leave running.</summary>
    public const int MostPendingCopies = 7;

    /// <summary>What is wrong with an instruction's types, or null.</summary>
    public static string? Check(Instruction instruction)
    {
        IrValue[] operands = instruction.Operands;
        IrType type = instruction.Type;
        IrType A() => operands[0].Type;
        IrType B() => operands[1].Type;
        bool Count(int count) => operands.Length == count;
        bool Memory() => operands.Length > 0 && A().IsPointer && A().Width == 1;

        bool sound = instruction.Op switch
        {
            Op.Constant => Count(0) && (type.IsInteger || type.IsFloat || type == IrType.I1) && type.Width == 1,
            Op.Undefined => Count(0) && type.Kind != IrKind.Void,
            Op.Parameter => Count(0) && type.Kind != IrKind.Void && type.Width == 1,
            Op.BuiltIn => Count(0) && type == IrType.I32,
            Op.Add or Op.Sub or Op.Mul or Op.Div or Op.Rem or Op.Min or Op.Max => Count(2) && Same(instruction) && IsNumber(type),
            Op.DivU or Op.RemU or Op.MinU or Op.MaxU => Count(2) && Same(instruction) && type.IsInteger,
            Op.And or Op.Or or Op.Xor => Count(2) && Same(instruction) && (type.IsInteger || type.Kind == IrKind.I1),
            Op.Shl or Op.Shr or Op.ShrU => Count(2) && type.IsInteger && A() == type && B() == IrType.I32,
            Op.Neg or Op.Abs => Count(1) && Same(instruction) && IsNumber(type),
            Op.Not => Count(1) && Same(instruction) && (type.IsInteger || type.Kind == IrKind.I1),
            Op.Fma => Count(3) && Same(instruction) && type.IsFloat,
            Op.Sqrt or Op.Rsqrt or Op.Exp or Op.Exp2 or Op.Log or Op.Log2 or Op.Sin or Op.Cos or Op.Tanh
                or Op.Floor or Op.Ceiling or Op.RoundEven or Op.Truncate => Count(1) && Same(instruction) && type.IsFloat,
            Op.Exp2Approximate => Count(1) && Same(instruction) && type == IrType.F32,
            Op.Pow => Count(2) && Same(instruction) && type.IsFloat,
            Op.Eq or Op.Ne => Count(2) && type == IrType.I1 && A() == B() && A().Kind != IrKind.Void,
            Op.Lt or Op.Le or Op.LtU or Op.LeU => Count(2) && type == IrType.I1 && A() == B() && (IsNumber(A()) || A().IsPointer),
            Op.Select => Count(3) && A() == IrType.I1 && B() == type && operands[2].Type == type,
            Op.Truncation => Count(1) && A().IsInteger && (type.IsInteger || type == IrType.I1) && type.ScalarBits < A().ScalarBits,
            Op.SignExtend => Count(1) && A().IsInteger && type.IsInteger && type.ScalarBits > A().ScalarBits,
            Op.ZeroExtend => Count(1) && (A().IsInteger || A() == IrType.I1) && type.IsInteger && type.ScalarBits > A().ScalarBits,
            Op.IntToFloat or Op.UnsignedToFloat => Count(1) && A().IsInteger && type.IsFloat,
            Op.FloatToInt or Op.FloatToUnsigned => Count(1) && A().IsFloat && type.IsInteger,
            Op.FloatToFloat => Count(1) && A().IsFloat && type.IsFloat && A() != type,
            Op.Bitcast => Count(1) && A().Bytes == type.Bytes && A().Kind != IrKind.I1 && type.Kind != IrKind.I1,
            Op.HalfToFloat or Op.BFloat16ToFloat => Count(1) && A() == IrType.I16 && type == IrType.F32,
            Op.FloatToHalf or Op.FloatToBFloat16 => Count(1) && A() == IrType.F32 && type == IrType.I16,
            Op.AllocateShared or Op.DynamicShared => Count(0) && type == IrType.Pointer(AddressSpace.Shared),
            Op.AllocateLocal => Count(0) && type == IrType.Pointer(AddressSpace.Local),
            Op.Offset => Count(2) && Memory() && A() == type && B() == IrType.I64,
            Op.Load => Count(1) && Memory() && type.Kind is not (IrKind.Void or IrKind.Pointer) && IsAlignment(instruction.Immediate),
            Op.Store => Count(2) && Memory() && type == IrType.Void && B().Kind is not (IrKind.Void or IrKind.Pointer)
                && IsAlignment(instruction.Immediate),
            Op.Prefetch => Count(1) && Memory() && type == IrType.Void,
            Op.Atomic => Count(2) && Memory() && B() == type && IsAtomic(type),
            Op.CompareExchange => Count(3) && Memory() && B() == type && operands[2].Type == type && IsAtomic(type),
            Op.BuildVector => operands.Length == type.Width && type.Width > 1 && operands.All(operand => operand.Type == type.Scalar),
            Op.Extract => Count(1) && A().Scalar == type && instruction.Immediate >= 0 && instruction.Immediate < A().Width,
            Op.Barrier or Op.WarpBarrier or Op.Fence => Count(0) && type == IrType.Void,
            Op.Shuffle or Op.Broadcast => Count(2) && A() == type && B() == IrType.I32 && (IsNumber(type) || type == IrType.I1),
            Op.MatrixMultiply => Count(3) && A() == IrType.I32 with { Width = 4 } && B() == IrType.I32 with { Width = 2 }
                && operands[2].Type == type && type == IrType.F32 with { Width = 4 }
                && Enum.IsDefined((MatrixElement)instruction.Immediate),
            Op.LoadMatrix => Count(1) && IsPointer(A(), AddressSpace.Shared) && type.Scalar == IrType.I32 && type.Width is 1 or 2 or 4
                && instruction.Immediate is 0 or 1,
            Op.AsyncCopy => Count(3) && type == IrType.Void && IsPointer(A(), AddressSpace.Shared) && IsPointer(B(), AddressSpace.Global)
                && operands[2].Type == IrType.I32 && instruction.Immediate is 4 or 8 or 16,
            Op.AsyncCommit => Count(0) && type == IrType.Void,
            Op.AsyncBarrierInit or Op.AsyncBarrierArrive or Op.AsyncBarrierWait =>
                Count(2) && type == IrType.Void && IsPointer(A(), AddressSpace.Shared) && B() == IrType.I32
                && (instruction.Immediate == 0 || (instruction.Op == Op.AsyncBarrierArrive && instruction.Immediate is >= 2 and <= ClusterBoxes.MostGroups)),
            Op.ClusterBarrier => Count(0) && type == IrType.Void,
            Op.TensorLoad => Count(5) && type == IrType.Void && IsPointer(A(), AddressSpace.Shared) && IsPointer(B(), AddressSpace.Shared)
                && operands[2].Type == IrType.Pointer(AddressSpace.Parameter) && operands[3].Type == IrType.I32 && operands[4].Type == IrType.I32
                && (instruction.Immediate == 0 || ClusterBoxes.Of(instruction.Immediate).IsOffered),
            Op.WarpGroupMultiply => Count(4) && type == IrType.Void && IsPointer(A(), AddressSpace.Local) && IsPointer(B(), AddressSpace.Shared)
                && IsPointer(operands[2].Type, AddressSpace.Shared) && operands[3].Type == IrType.I1
                && WarpGroupShape.Of(instruction.Immediate) is { IsOffered: true, BlockDistance: 0 },
            Op.WarpGroupMultiplyHeld => Count(4) && type == IrType.Void && IsPointer(A(), AddressSpace.Local) && B() == IrType.I32 with { Width = 4 }
                && IsPointer(operands[2].Type, AddressSpace.Shared) && operands[3].Type == IrType.I1
                && WarpGroupShape.Of(instruction.Immediate) is { IsOffered: true, BlockDistance: > 0 },
            Op.WarpGroupFence or Op.WarpGroupCommit or Op.WarpGroupFenceStores => Count(0) && type == IrType.Void,
            Op.WarpGroupRegisters => Count(0) && type == IrType.Void && IsRegisterCount(Math.Abs(instruction.Immediate)),
            Op.AsyncWait or Op.WarpGroupWait => Count(0) && type == IrType.Void && instruction.Immediate is >= 0 and <= MostPendingCopies,
            _ => false,
        };
        return sound ? null : $"{IrPrinter.Describe(instruction)} does not have the types of {instruction.Op}";
    }

    /// <summary>Whether lanes of a warp group may have so many registers.</summary>
    public static bool IsRegisterCount(long registers) => registers is >= 24 and <= 256 && registers % 8 == 0;

    private static bool Same(Instruction instruction) => instruction.Operands.All(operand => operand.Type == instruction.Type);

    private static bool IsNumber(IrType type) => type.IsInteger || type.IsFloat;

    // before address-space inference a pointer may still be open
    private static bool IsPointer(IrType type, AddressSpace space) =>
        type == IrType.Pointer(space) || type == IrType.Pointer(AddressSpace.Generic);

    private static bool IsAtomic(IrType type) => type.Width == 1 && type.Kind is IrKind.I32 or IrKind.I64 or IrKind.F32 or IrKind.F64;

    private static bool IsAlignment(long bytes) => bytes is 1 or 2 or 4 or 8 or 16 or 32;
}
