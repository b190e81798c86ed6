using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>
/// The table from operation to text. In the text <c>$d</c> is the result, <c>$0</c> to <c>$2</c> the operands (registers or
/// numbers); braces enclose registers of an operation's own. Floats carry <c>.rn</c>, which also keeps the assembler from
/// fusing a product with a sum.
/// </summary>
internal static class PtxInstructions
{
    /// <summary>The text of an operation on scalars.</summary>
    /// <exception cref="IrException">The operation has no text of its own for these types.</exception>
    public static string Text(Instruction instruction, PtxTarget target)
    {
        IrType type = instruction.Type;
        IrType from = instruction.Operands.Length > 0 ? instruction.Operands[0].Type : type;
        string bits = type.Kind == IrKind.Void ? string.Empty : PtxRegisters.Bits(type);
        return instruction.Op switch
        {
            Op.Add or Op.Sub when type.IsFloat => $"{Name(instruction)}.rn.{Float(type)} $d, $0, $1;",
            Op.Mul when type.IsFloat => $"mul.rn.{Float(type)} $d, $0, $1;",
            Op.Div when type.IsFloat => $"div.rn.{Float(type)} $d, $0, $1;",
            Op.Rem when type.IsFloat => PtxFunctions.Remainder(Float(type)),
            Op.Min or Op.Max when type.IsFloat => MinMax(Name(instruction), type, target, "$d", "$0", "$1"),
            Op.Neg or Op.Abs when type.IsFloat => $"{Name(instruction)}.{Float(type)} $d, $0;",
            Op.Add or Op.Sub => $"{Name(instruction)}.{Signed(type)} $d, $0, $1;",
            Op.Mul => $"mul.lo.{Signed(type)} $d, $0, $1;",
            Op.Div or Op.Rem or Op.Min or Op.Max => $"{Name(instruction)}.{Signed(type)} $d, $0, $1;",
            Op.DivU or Op.RemU or Op.MinU or Op.MaxU => $"{Name(instruction)[..^1]}.{Unsigned(type)} $d, $0, $1;",
            Op.And or Op.Or or Op.Xor => $"{Name(instruction)}.{bits} $d, $0, $1;",
            Op.Shl => Shift(instruction, $"shl.{bits}"),
            Op.Shr => Shift(instruction, $"shr.{Signed(type)}"),
            Op.ShrU => Shift(instruction, $"shr.{Unsigned(type)}"),
            Op.Neg or Op.Abs => $"{Name(instruction)}.{Signed(type)} $d, $0;",
            Op.Not => $"not.{bits} $d, $0;",
            Op.Fma => $"fma.rn.{Float(type)} $d, $0, $1, $2;",
            Op.Sqrt => $"sqrt.rn.{Float(type)} $d, $0;",
            Op.Floor => $"cvt.rmi.{Float(type)}.{Float(type)} $d, $0;",
            Op.Ceiling => $"cvt.rpi.{Float(type)}.{Float(type)} $d, $0;",
            Op.RoundEven => $"cvt.rni.{Float(type)}.{Float(type)} $d, $0;",
            Op.Truncate => $"cvt.rzi.{Float(type)}.{Float(type)} $d, $0;",
            Op.Rsqrt or Op.Exp or Op.Exp2 or Op.Log or Op.Log2 or Op.Sin or Op.Cos or Op.Tanh or Op.Pow => PtxFunctions.Text(instruction.Op, type),
            Op.Exp2Approximate => "ex2.approx.ftz.f32 $d, $0;",
            Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU => Compare(instruction.Op, from),
            Op.Truncation when type == IrType.I1 => Truth(from),
            Op.Truncation when PtxRegisters.KindOf(from) == PtxRegisters.KindOf(type) => $"mov.{bits} $d, $0;",
            Op.Truncation => $"cvt.{Unsigned(type)}.u{from.ScalarBits} $d, $0;",
            Op.SignExtend => $"cvt.{Signed(type)}.s{from.ScalarBits} $d, $0;",
            Op.ZeroExtend when from == IrType.I1 => $"selp.{bits} $d, 1, 0, $0;",
            Op.ZeroExtend => $"cvt.{Unsigned(type)}.u{from.ScalarBits} $d, $0;",
            Op.IntToFloat => $"cvt.rn.{Float(type)}.s{from.ScalarBits} $d, $0;",
            Op.UnsignedToFloat => $"cvt.rn.{Float(type)}.u{from.ScalarBits} $d, $0;",
            Op.FloatToInt => ToInteger(from, type, 's'),
            Op.FloatToUnsigned => ToInteger(from, type, 'u'),
            Op.FloatToFloat => type == IrType.F64 ? "cvt.f64.f32 $d, $0;" : "cvt.rn.f32.f64 $d, $0;",
            Op.HalfToFloat => "cvt.f32.f16 $d, $0;",
            Op.FloatToHalf => "cvt.rn.f16.f32 $d, $0;",
            Op.BFloat16ToFloat => "mov.b32 $d, {0, $0};",
            Op.FloatToBFloat16 => target.RoundsToBFloat16 ? "cvt.rn.bf16.f32 $d, $0;" : PtxFunctions.RoundToBFloat16,
            Op.Offset when type.Space == AddressSpace.Global => "add.s64 $d, $0, $1;",
            Op.Offset => "{\n.reg .b32 bytes;\ncvt.u32.u64 bytes, $1;\nadd.s32 $d, $0, bytes;\n}",
            Op.Atomic => Atomic(instruction, target),
            Op.CompareExchange => $"atom.{Space(from)}.cas.{bits} $d, [$0], $1, $2;",
            Op.Barrier => "bar.sync 0;",
            Op.WarpBarrier => "bar.warp.sync 0xffffffff;",
            Op.Fence => (FenceScope)instruction.Immediate switch
            {
                FenceScope.Group => "membar.cta;",
                FenceScope.Device => "membar.gl;",
                _ => "membar.sys;",
            },
            Op.BuiltIn => $"mov.u32 $d, {BuiltInName((BuiltIn)instruction.Immediate)};",
            _ => throw new IrException($"PTX has no text for {IrPrinter.Describe(instruction)}"),
        };
    }

    /// <summary>Whether the operation reads more of an 8-bit operand's register than its low half, so that the sign must come in first.</summary>
    public static bool ReadsSigned(Op op) => op is Op.Div or Op.Rem or Op.Min or Op.Max or Op.Shr or Op.Abs or Op.Lt or Op.Le or Op.Eq or Op.Ne;

    /// <summary>Whether the operation reads more of an 8-bit operand's register than its low half, so that zeros must come in first.</summary>
    public static bool ReadsUnsigned(Op op) => op is Op.DivU or Op.RemU or Op.MinU or Op.MaxU or Op.ShrU or Op.LtU or Op.LeU;

    /// <summary>The state space of a pointer.</summary>
    /// <exception cref="IrException">Inference has left it open.</exception>
    public static string Space(IrType pointer) => pointer.Space switch
    {
        AddressSpace.Global => "global",
        AddressSpace.Shared => "shared",
        AddressSpace.Local => "local",
        _ => throw new IrException("PTX needs the address space of every pointer"),
    };

    private static string Name(Instruction instruction) => instruction.Op.ToString().ToLowerInvariant();

    private static string Float(IrType type) => type.Kind == IrKind.F32 ? "f32" : "f64";

    // arithmetic on 8 bits happens in 16
    private static string Signed(IrType type) => $"s{Math.Max(16, type.ScalarBits)}";

    private static string Unsigned(IrType type) => $"u{Math.Max(16, type.ScalarBits)}";

    // PTX shifts by the whole count and C# by its low bits
    private static string Shift(Instruction instruction, string name)
    {
        int mask = instruction.Type.ScalarBits - 1;
        return instruction.Operands[1] is Instruction { Op: Op.Constant } count
            ? $"{name} $d, $0, {count.Immediate & mask};"
            : $$"""
              {
              .reg .b32 count;
              and.b32 count, $1, {{mask}};
              {{name}} $d, $0, count;
              }
              """;
    }

    private static string MinMax(string name, IrType type, PtxTarget target, string result, string first, string second)
    {
        if (type.Kind == IrKind.F32 && target.MinMaxHandOnNaN)
        {
            return $"{name}.NaN.f32 {result}, {first}, {second};";
        }

        string nan = type.Kind == IrKind.F32 ? "0f7FC00000" : "0d7FF8000000000000";
        return $$"""
            {
            .reg .pred unordered;
            .reg .{{Float(type)}} number;
            setp.nan.{{Float(type)}} unordered, {{first}}, {{second}};
            {{name}}.{{Float(type)}} number, {{first}}, {{second}};
            selp.{{Float(type)}} {{result}}, {{nan}}, number, unordered;
            }
            """;
    }

    private static string Compare(Op op, IrType type)
    {
        if (type.Kind == IrKind.I1)
        {
            return op == Op.Ne ? "xor.pred $d, $0, $1;" : "{\n.reg .pred differ;\nxor.pred differ, $0, $1;\nnot.pred $d, differ;\n}";
        }

        string name = op switch { Op.Eq => "eq", Op.Ne => "ne", Op.Lt or Op.LtU => "lt", _ => "le" };
        bool unsigned = op is Op.LtU or Op.LeU || type.IsPointer;
        if (type.IsFloat)
        {
            // "u" is unordered here: true if a number is NaN, which C#'s != is too
            return $"setp.{name}{(unsigned || op == Op.Ne ? "u" : string.Empty)}.{Float(type)} $d, $0, $1;";
        }

        string kind = PtxRegisters.KindOf(type) switch { RegisterKind.Half => "16", RegisterKind.Word => "32", _ => "64" };
        return $"setp.{name}.{(unsigned ? 'u' : 's')}{kind} $d, $0, $1;";
    }

    private static string Truth(IrType from) => $$"""
        {
        .reg .{{PtxRegisters.Bits(from)}} lowest;
        and.{{PtxRegisters.Bits(from)}} lowest, $0, 1;
        setp.ne.s{{Math.Max(16, from.ScalarBits)}} $d, lowest, 0;
        }
        """;

    // PTX clamps; NaN it makes 0 only where both sides have at most 32 bits
    private static string ToInteger(IrType from, IrType to, char sign)
    {
        int bits = Math.Max(32, to.ScalarBits);
        string convert = $"cvt.rzi.{sign}{bits}.{Float(from)}";
        bool nanIsZero = from.Kind == IrKind.F32 && bits == 32;
        if (nanIsZero && to.ScalarBits == 32)
        {
            return $"{convert} $d, $0;";
        }

        string zero = nanIsZero
            ? string.Empty
            : $"setp.nan.{Float(from)} unordered, $0, $0;\nselp.b{bits} whole, 0, whole, unordered;\n";
        string narrow = to.ScalarBits >= 32
            ? $"mov.b{bits} $d, whole;"
            : Clamp(to.ScalarBits, sign) + "cvt.u16.u32 $d, whole;";
        return $$"""
            {
            .reg .pred unordered;
            .reg .b{{bits}} whole;
            {{convert}} whole, $0;
            {{zero}}{{narrow}}
            }
            """;
    }

    private static string Clamp(int bits, char sign) => sign == 'u'
        ? $"min.u32 whole, whole, {(1 << bits) - 1};\n"
        : $"max.s32 whole, whole, {-(1 << (bits - 1))};\nmin.s32 whole, whole, {(1 << (bits - 1)) - 1};\n";

    private static string Atomic(Instruction instruction, PtxTarget target)
    {
        IrType type = instruction.Type;
        string space = Space(instruction.Operands[0].Type);
        var operation = (AtomicOp)instruction.Immediate;
        if (type.IsFloat && operation is AtomicOp.Min or AtomicOp.Max)
        {
            return AtomicMinMax(operation == AtomicOp.Min ? "min" : "max", type, space, target);
        }

        int bits = type.ScalarBits;
        string text = operation switch
        {
            AtomicOp.Add => type.IsFloat ? $"add.{Float(type)}" : $"add.u{bits}",
            AtomicOp.Min => $"min.s{bits}",
            AtomicOp.MinU => $"min.u{bits}",
            AtomicOp.Max => $"max.s{bits}",
            AtomicOp.MaxU => $"max.u{bits}",
            AtomicOp.Exchange => $"exch.b{bits}",
            _ when type.IsFloat => throw new IrException($"PTX has no atomic {operation} of floats"),
            _ => $"{operation.ToString().ToLowerInvariant()}.b{bits}",
        };
        return $"atom.{space}.{text} $d, [$0], $1;";
    }

    private static string AtomicMinMax(string name, IrType type, string space, PtxTarget target)
    {
        string bits = type.Kind == IrKind.Void ? string.Empty : PtxRegisters.Bits(type);
        return $$"""
            {
            .reg .pred again;
            .reg .{{bits}} found, before, after;
            ld.{{space}}.{{bits}} found, [$0];
            AGAIN:
            mov.{{bits}} before, found;
            {{MinMax(name, type, target, "after", "before", "$1")}}
            atom.{{space}}.cas.{{bits}} found, [$0], before, after;
            setp.ne.{{bits}} again, found, before;
            @again bra AGAIN;
            mov.{{bits}} $d, before;
            }
            """;
    }

    private static string BuiltInName(BuiltIn builtIn) => builtIn switch
    {
        BuiltIn.LaneX => "%tid.x",
        BuiltIn.LaneY => "%tid.y",
        BuiltIn.LaneZ => "%tid.z",
        BuiltIn.GroupDimX => "%ntid.x",
        BuiltIn.GroupDimY => "%ntid.y",
        BuiltIn.GroupDimZ => "%ntid.z",
        BuiltIn.GroupX => "%ctaid.x",
        BuiltIn.GroupY => "%ctaid.y",
        BuiltIn.GroupZ => "%ctaid.z",
        BuiltIn.GridDimX => "%nctaid.x",
        BuiltIn.GridDimY => "%nctaid.y",
        BuiltIn.GridDimZ => "%nctaid.z",
        BuiltIn.WarpSize => "32",
        _ => "%dynamic_smem_size",
    };
}
