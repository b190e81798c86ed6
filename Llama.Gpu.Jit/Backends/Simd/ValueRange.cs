using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Bounds of integer values that follow from the launch's limits: enough to see that an index does not wrap.</summary>
internal readonly record struct ValueRange(long Min, long Max)
{
    private const int MaxGroupLanes = 1024;
    private const int MaxDepth = 12;

    /// <summary>The values that an expression can take.</summary>
    public static ValueRange Of(IrValue value, int depth = 0)
    {
        ValueRange whole = Whole(value.Type);
        if (depth > MaxDepth || value is not Instruction instruction || !value.Type.IsInteger)
        {
            return whole;
        }

        ValueRange Operand(int index) => Of(instruction.Operands[index], depth + 1);
        ValueRange range = instruction.Op switch
        {
            Op.Constant => new(instruction.Immediate, instruction.Immediate),
            Op.BuiltIn => OfBuiltIn((BuiltIn)instruction.Immediate),
            Op.Add => Sum(Operand(0), Operand(1)),
            Op.Mul => Product(Operand(0), Operand(1)),
            Op.Shl when Operand(1) is { } count && count.Min == count.Max => Product(Operand(0), One(1L << (int)(count.Min & 31))),
            Op.And when Operand(1) is { Min: >= 0 } mask => new(0, mask.Max),
            Op.Rem when Operand(0).Min >= 0 && Operand(1).Min > 0 => new(0, Operand(1).Max - 1),
            Op.Div or Op.Shr when Operand(0).Min >= 0 && Operand(1).Min > 0 => new(0, Operand(0).Max),
            Op.Min => new(Math.Min(Operand(0).Min, Operand(1).Min), Math.Min(Operand(0).Max, Operand(1).Max)),
            Op.SignExtend => Operand(0),
            Op.ZeroExtend when Operand(0).Min >= 0 => Operand(0),
            _ => whole,
        };
        return range.Min < whole.Min || range.Max > whole.Max ? whole : range;
    }

    private static ValueRange OfBuiltIn(BuiltIn builtIn) => builtIn switch
    {
        BuiltIn.LaneX or BuiltIn.LaneY or BuiltIn.LaneZ => new(0, MaxGroupLanes - 1),
        BuiltIn.GroupDimX or BuiltIn.GroupDimY or BuiltIn.GroupDimZ or BuiltIn.WarpSize => new(1, MaxGroupLanes),
        _ => new(0, int.MaxValue),
    };

    private static ValueRange One(long value) => new(value, value);

    private static ValueRange Whole(IrType type) => type.Kind switch
    {
        IrKind.I8 => new(sbyte.MinValue, sbyte.MaxValue),
        IrKind.I16 => new(short.MinValue, short.MaxValue),
        IrKind.I32 => new(int.MinValue, int.MaxValue),
        _ => new(long.MinValue, long.MaxValue),
    };

    private static ValueRange Sum(ValueRange first, ValueRange second) =>
        Fit((Int128)first.Min + second.Min, (Int128)first.Max + second.Max);

    private static ValueRange Product(ValueRange first, ValueRange second)
    {
        Int128[] corners =
        [
            (Int128)first.Min * second.Min, (Int128)first.Min * second.Max, (Int128)first.Max * second.Min, (Int128)first.Max * second.Max,
        ];
        return Fit(corners.Min(), corners.Max());
    }

    private static ValueRange Fit(Int128 min, Int128 max) =>
        min < long.MinValue || max > long.MaxValue ? new(long.MinValue, long.MaxValue) : new((long)min, (long)max);
}
