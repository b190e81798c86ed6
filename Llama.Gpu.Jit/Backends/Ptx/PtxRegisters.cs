using System.Globalization;
using System.Text;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Kinds of virtual register.</summary>
internal enum RegisterKind
{
    /// <summary>A truth value.</summary>
    Predicate,

    /// <summary>16 bits; 8-bit integers too, with the upper half unspecified, as PTX has no 8-bit arithmetic.</summary>
    Half,

    /// <summary>32 bits; shared and local addresses too.</summary>
    Word,

    /// <summary>64 bits; global addresses too.</summary>
    Long,

    /// <summary>f32.</summary>
    Single,

    /// <summary>f64.</summary>
    Double,
}

/// <summary>The registers of a function, counted by kind. PTX has as many as are asked for; the assembler allocates real ones.</summary>
internal sealed class PtxRegisters
{
    private static readonly (string Prefix, string Declared)[] Kinds =
        [("%p", ".pred"), ("%rs", ".b16"), ("%r", ".b32"), ("%rd", ".b64"), ("%f", ".f32"), ("%fd", ".f64")];

    private readonly int[] _counts = new int[Kinds.Length];

    /// <summary>The kind that holds a scalar.</summary>
    public static RegisterKind KindOf(IrType type) => type.Kind switch
    {
        IrKind.I1 => RegisterKind.Predicate,
        IrKind.I8 or IrKind.I16 => RegisterKind.Half,
        IrKind.I32 => RegisterKind.Word,
        IrKind.I64 => RegisterKind.Long,
        IrKind.F32 => RegisterKind.Single,
        IrKind.F64 => RegisterKind.Double,
        IrKind.Pointer when type.Space is AddressSpace.Global or AddressSpace.Parameter => RegisterKind.Long,
        IrKind.Pointer when type.Space != AddressSpace.Generic => RegisterKind.Word,
        _ => throw new IrException($"PTX has no register for a {type}"),
    };

    /// <summary>The untyped suffix for moves of a scalar: <c>b32</c>.</summary>
    public static string Bits(IrType type) => KindOf(type) switch
    {
        RegisterKind.Predicate => "pred",
        RegisterKind.Half => "b16",
        RegisterKind.Word or RegisterKind.Single => "b32",
        _ => "b64",
    };

    /// <summary>A fresh register for a scalar.</summary>
    public string New(IrType type)
    {
        int kind = (int)KindOf(type);
        return Kinds[kind].Prefix + _counts[kind]++.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Writes the declarations of every register that was asked for.</summary>
    public void Declare(StringBuilder text)
    {
        for (int kind = 0; kind < Kinds.Length; kind++)
        {
            if (_counts[kind] > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"    .reg {Kinds[kind].Declared} {Kinds[kind].Prefix}<{_counts[kind]}>;\n");
            }
        }
    }
}
