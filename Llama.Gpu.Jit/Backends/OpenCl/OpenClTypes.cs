using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>How types are written in OpenCL C. Integers are unsigned, since C leaves the overflow of signed ones undefined.</summary>
internal static class OpenClTypes
{
    /// <summary>The type of a value in a variable.</summary>
    public static string Name(IrType type) => type.IsPointer
        ? $"{Space(type.Space)} uchar*"
        : Scalar(type.Kind) + (type.Width > 1 ? type.Width.ToString(CultureInfo.InvariantCulture) : string.Empty);

    /// <summary>The same number of bits read as signed.</summary>
    public static string Signed(IrType type) => type.IsInteger ? Scalar(type.Kind)[1..] : Name(type);

    /// <summary>The keyword of an address space.</summary>
    /// <exception cref="IrException">The space is not known: inference has not run, or a pointer is of two spaces.</exception>
    public static string Space(AddressSpace space) => space switch
    {
        AddressSpace.Global => "__global",
        AddressSpace.Shared => "__local",
        AddressSpace.Local => "__private",
        _ => throw new IrException("OpenCL C needs the address space of every pointer, found one that is not inferred"),
    };

    /// <summary>The type of a value in memory: a truth value is a byte.</summary>
    public static IrType Stored(IrType type) => type.Kind == IrKind.I1 ? type with { Kind = IrKind.I8 } : type;

    /// <summary>Name of the memory type that <see cref="MemoryTypedef"/> defines.</summary>
    public static string MemoryName(IrType stored, long alignment) =>
        alignment >= stored.Bytes ? $"m_{Name(stored)}" : $"m_{Name(stored)}_a{alignment}";

    /// <summary>
    /// A type to access memory as. The same bytes may be read as another type than they were written as, which C forbids
    /// unless the type says so; and the alignment may be less than the type's own.
    /// </summary>
    public static string MemoryTypedef(IrType stored, long alignment)
    {
        string aligned = alignment >= stored.Bytes ? string.Empty : $", aligned({alignment})";
        return $"typedef {Name(stored)} {MemoryName(stored, alignment)} __attribute__((may_alias{aligned}));";
    }

    /// <summary>A constant; one that a decimal number would not say exactly, by its bits.</summary>
    public static string Constant(IrType type, long bits) => type.Kind switch
    {
        IrKind.I1 => (bits & 1) != 0 ? "true" : "false",
        IrKind.I8 => $"(uchar){(byte)bits}",
        IrKind.I16 => $"(ushort){(ushort)bits}",
        IrKind.I32 => $"{(uint)bits}u",
        IrKind.I64 => $"{(ulong)bits}ul",
        IrKind.F32 => Float(BitConverter.Int32BitsToSingle((int)bits)),
        _ => Float(BitConverter.Int64BitsToDouble(bits)),
    };

    private static string Float(float value) => IsPlain(value)
        ? $"{Decimal(value.ToString("R", CultureInfo.InvariantCulture))}f"
        : $"as_float({BitConverter.SingleToUInt32Bits(value)}u)";

    private static string Float(double value) => IsPlain(value)
        ? Decimal(value.ToString("R", CultureInfo.InvariantCulture))
        : $"as_double({BitConverter.DoubleToUInt64Bits(value)}ul)";

    // a minus sign would join one that stands before it
    private static bool IsPlain(double value) => !double.IsNegative(value) && (value == 0 || double.IsNormal(value));

    private static bool IsPlain(float value) => !float.IsNegative(value) && (value == 0 || float.IsNormal(value));

    private static string Decimal(string digits) => digits.AsSpan().ContainsAny('.', 'E') ? digits : $"{digits}.0";

    private static string Scalar(IrKind kind) => kind switch
    {
        IrKind.I1 => "bool",
        IrKind.I8 => "uchar",
        IrKind.I16 => "ushort",
        IrKind.I32 => "uint",
        IrKind.I64 => "ulong",
        IrKind.F32 => "float",
        IrKind.F64 => "double",
        _ => throw new IrException($"{kind} is no type of a value in OpenCL C"),
    };
}
