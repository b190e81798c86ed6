using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Finds for each value how it differs between the lanes of a vector. Begins with nothing known and lowers what it assumed until
/// nothing changes; whatever a divergent branch decides is varying.
/// </summary>
internal sealed class ShapeAnalysis
{
    private readonly Dictionary<IrValue, LaneShape> _shapes = [];
    private readonly HashSet<IrValue> _addresses;
    private readonly ControlFlowGraph _graph;
    private readonly MemoryLayout _layout;
    private readonly int _lanes;
    private readonly bool _linear;
    private readonly bool _warpsCross;

    /// <param name="graph">The function's control flow.</param>
    /// <param name="uses">What its values are used for.</param>
    /// <param name="layout">Where its local arrays lie.</param>
    /// <param name="lanes">Lanes of a vector; with one lane everything is uniform.</param>
    /// <param name="linear">Whether groups have one dimension.</param>
    /// <param name="warpsCross">Whether a warp has several vectors.</param>
    public ShapeAnalysis(ControlFlowGraph graph, ValueUses uses, MemoryLayout layout, int lanes, bool linear, bool warpsCross)
    {
        _graph = graph;
        _layout = layout;
        _lanes = lanes;
        _linear = linear;
        _warpsCross = warpsCross;
        _addresses = uses.AddressesOnly();
        Divergence = new DivergentFlow(graph, this);
        do
        {
            Settle();
        }
        while (lanes > 1 && Divergence.Extend());
    }

    /// <summary>Where lanes part and meet.</summary>
    public DivergentFlow Divergence { get; }

    public LaneShape this[IrValue value] => _shapes.GetValueOrDefault(value);

    private void Settle()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (IrBlock block in _graph.Blocks)
            {
                for (int i = 0; i < block.Parameters.Count; i++)
                {
                    changed |= Lower(block.Parameters[i], OfParameter(block, i));
                }

                foreach (Instruction instruction in block.Instructions)
                {
                    changed |= Lower(instruction, Divergence.IsForcedApart(instruction) ? LaneShape.Varying : Of(instruction));
                }
            }
        }
    }

    private bool Lower(IrValue value, LaneShape found)
    {
        LaneShape before = this[value];
        LaneShape now = LaneShape.Join(before, found);
        if (now.Stride != 0 && value.Type.Kind is not (IrKind.I32 or IrKind.I64 or IrKind.Pointer))
        {
            now = LaneShape.Varying;
        }

        if (before.IsVarying)
        {
            now = before;
        }

        _shapes[value] = now;
        return now != before;
    }

    private LaneShape OfParameter(IrBlock block, int index)
    {
        if (_lanes == 1)
        {
            return LaneShape.Uniform;
        }

        if (Divergence.IsJoin(block) || Divergence.IsForcedApart(block.Parameters[index]))
        {
            return LaneShape.Varying;
        }

        return _graph.Predecessors[block].Distinct()
            .SelectMany(from => from.Successors)
            .Where(jump => jump.Block == block)
            .Aggregate(default(LaneShape), (shape, jump) => LaneShape.Join(shape, this[jump.Arguments[index]]));
    }

    private LaneShape Of(Instruction instruction)
    {
        if (_lanes == 1)
        {
            return LaneShape.Uniform;
        }

        LaneShape[] operands = [.. instruction.Operands.Select(operand => this[operand])];
        if (operands.Any(shape => shape.Form == LaneForm.Unknown))
        {
            return default;
        }

        bool uniform = operands.All(shape => shape.IsUniform);
        switch (instruction.Op)
        {
            case Op.BuiltIn:
                return OfBuiltIn((BuiltIn)instruction.Immediate);
            case Op.AllocateLocal:
                return LaneShape.Affine(_layout.LaneStride(instruction));
            case Op.Atomic or Op.CompareExchange:
                return LaneShape.Varying;
            case Op.Broadcast:
                return LaneShape.Uniform;
            case Op.MatrixMultiply or Op.LoadMatrix:
                return LaneShape.Varying;
            case Op.Shuffle:
                return operands[0].IsUniform && !_warpsCross ? LaneShape.Uniform : LaneShape.Varying;
        }

        if (uniform)
        {
            return LaneShape.Uniform;
        }

        return operands.Any(shape => shape.IsVarying) || instruction.Type.IsFloat || instruction.Type.Width > 1
            ? LaneShape.Varying
            : OfAffine(instruction, operands);
    }

    private LaneShape OfBuiltIn(BuiltIn builtIn) => builtIn switch
    {
        BuiltIn.LaneX => _linear ? new LaneShape(LaneForm.Affine, 1, IsAligned: true) : LaneShape.Varying,
        BuiltIn.LaneY or BuiltIn.LaneZ => _linear ? LaneShape.Uniform : LaneShape.Varying,
        _ => LaneShape.Uniform,
    };

    // no operand varies, at least one has a stride
    private LaneShape OfAffine(Instruction instruction, LaneShape[] operands)
    {
        IrValue[] values = instruction.Operands;
        long? Constant(int index) => values[index] is Instruction { Op: Op.Constant } constant ? constant.Immediate : null;
        LaneShape first = operands[0];
        switch (instruction.Op)
        {
            case Op.Add or Op.Offset:
                bool kept = (first.IsAligned && IsWholeVectors(Constant(1))) || (operands[1].IsAligned && IsWholeVectors(Constant(0)));
                return new LaneShape(LaneForm.Affine, first.Stride + operands[1].Stride, kept);
            case Op.Sub:
                return LaneShape.Affine(first.Stride - operands[1].Stride);
            case Op.Neg:
                return LaneShape.Affine(-first.Stride);
            case Op.Mul when Constant(1) is { } factor:
                return Scaled(instruction, first.Stride, factor);
            case Op.Mul when Constant(0) is { } factor:
                return Scaled(instruction, operands[1].Stride, factor);
            case Op.Shl when Constant(1) is { } count:
                return Scaled(instruction, first.Stride, 1L << (int)(count & (instruction.Type.ScalarBits - 1)));
            case Op.SignExtend when values[0].Type == IrType.I32 && (_addresses.Contains(instruction) || DoesNotWrap(values[0])):
                return first;
            case Op.ZeroExtend when values[0].Type == IrType.I32 && ValueRange.Of(values[0]).Min >= 0 && DoesNotWrap(values[0]):
                return first;
            case Op.Truncation when instruction.Type == IrType.I32:
                return LaneShape.Affine((int)first.Stride);
            case Op.Bitcast when instruction.Type.ScalarBits == 64:
                return LaneShape.Affine(first.Stride);
            case Op.Select when first.IsUniform && operands[1].Stride == operands[2].Stride:
                return LaneShape.Affine(operands[1].Stride);
            case Op.Div when ValueRange.Of(values[0]).Min < 0:
            case Op.Rem when ValueRange.Of(values[0]).Min < 0:
                return LaneShape.Varying;
            case Op.Div or Op.DivU when first.IsAligned && Constant(1) is { } divisor && divisor >= _lanes && divisor % _lanes == 0:
            case Op.Shr or Op.ShrU when first.IsAligned && Constant(1) is { } shift && 1L << (int)(shift & 31) >= _lanes:
                return LaneShape.Uniform;
            case Op.Rem or Op.RemU when first.IsAligned && Constant(1) is { } divisor && divisor >= _lanes && divisor % _lanes == 0:
            case Op.And when first.IsAligned && Constant(1) is { } mask && mask >= _lanes - 1 && long.IsPow2(mask + 1):
                return first;
            default:
                return LaneShape.Varying;
        }
    }

    // a power of two divides the range of the type, so a wrap changes nothing
    private bool IsWholeVectors(long? value) => value % _lanes == 0;

    private static LaneShape Scaled(Instruction instruction, long stride, long factor)
    {
        long scaled = unchecked(stride * factor);
        return LaneShape.Affine(instruction.Type == IrType.I32 ? (int)scaled : scaled);
    }

    // a range narrower than the type is that of the exact sums and products, over all lanes
    private static bool DoesNotWrap(IrValue value)
    {
        ValueRange range = ValueRange.Of(value);
        return range.Min > int.MinValue && range.Max < int.MaxValue;
    }
}
