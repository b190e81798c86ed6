namespace Llama.Gpu.Jit.Ir;

/// <summary>Kinds of scalar. Integers have no sign; the operation says how it reads them.</summary>
internal enum IrKind
{
    /// <summary>Nothing: stores, barriers.</summary>
    Void,

    /// <summary>A truth value; one byte in memory.</summary>
    I1,

    /// <summary>8 bits.</summary>
    I8,

    /// <summary>16 bits; also how f16 and bf16 are held until they are converted.</summary>
    I16,

    /// <summary>32 bits.</summary>
    I32,

    /// <summary>64 bits.</summary>
    I64,

    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary64.</summary>
    F64,

    /// <summary>An address, counted in bytes.</summary>
    Pointer,
}

/// <summary>Which memory a pointer points into.</summary>
internal enum AddressSpace
{
    /// <summary>Not yet known; only before address-space inference.</summary>
    Generic,

    /// <summary>Buffers: every lane of every group.</summary>
    Global,

    /// <summary>The lanes of one group.</summary>
    Shared,

    /// <summary>One lane.</summary>
    Local,

    /// <summary>The launch: a tensor map, which is passed whole and named by an address.</summary>
    Parameter,
}

/// <summary>Type of a value: a scalar, or a short vector of scalars that is loaded or stored at once.</summary>
/// <param name="Kind">The scalar.</param>
/// <param name="Space">For pointers, the memory; else <see cref="AddressSpace.Generic"/>.</param>
/// <param name="Width">Number of scalars: 1, 2, 4 or 8.</param>
internal readonly record struct IrType(IrKind Kind, AddressSpace Space = AddressSpace.Generic, int Width = 1)
{
    public static readonly IrType Void = new(IrKind.Void);
    public static readonly IrType I1 = new(IrKind.I1);
    public static readonly IrType I8 = new(IrKind.I8);
    public static readonly IrType I16 = new(IrKind.I16);
    public static readonly IrType I32 = new(IrKind.I32);
    public static readonly IrType I64 = new(IrKind.I64);
    public static readonly IrType F32 = new(IrKind.F32);
    public static readonly IrType F64 = new(IrKind.F64);

    public bool IsInteger => Kind is IrKind.I8 or IrKind.I16 or IrKind.I32 or IrKind.I64;

    public bool IsFloat => Kind is IrKind.F32 or IrKind.F64;

    public bool IsPointer => Kind == IrKind.Pointer;

    /// <summary>The scalar of a vector.</summary>
    public IrType Scalar => this with { Width = 1 };

    /// <summary>Bits of the scalar; a pointer has 64.</summary>
    public int ScalarBits => Kind switch
    {
        IrKind.Void => 0,
        IrKind.I1 => 1,
        IrKind.I8 => 8,
        IrKind.I16 => 16,
        IrKind.I32 or IrKind.F32 => 32,
        _ => 64,
    };

    /// <summary>Bytes in memory.</summary>
    public int Bytes => Math.Max(1, ScalarBits / 8) * Width;

    public static IrType Pointer(AddressSpace space) => new(IrKind.Pointer, space);

    /// <inheritdoc/>
    public override string ToString()
    {
        string scalar = Kind switch
        {
            IrKind.Void => "void",
            IrKind.Pointer => Space == AddressSpace.Generic ? "ptr" : $"ptr.{Space}".ToLowerInvariant(),
            _ => Kind.ToString().ToLowerInvariant(),
        };
        return Width == 1 ? scalar : $"{scalar}x{Width}";
    }
}
