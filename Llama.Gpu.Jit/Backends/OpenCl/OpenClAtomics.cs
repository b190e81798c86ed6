using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>Atomic operations: OpenCL's own functions for integers, loops of compare-exchange for the arithmetic of floats.</summary>
internal sealed class OpenClAtomics(IrFunction function, OpenClCapabilities capabilities)
{
    private readonly SortedDictionary<string, string> _helpers = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _extensions = new(StringComparer.Ordinal);

    /// <summary>The loops that were needed.</summary>
    public IEnumerable<string> Helpers => _helpers.Values;

    /// <summary>The extensions that were needed.</summary>
    public IEnumerable<string> Extensions => _extensions;

    /// <summary>Says that a kernel asks for what the device does not have.</summary>
    /// <exception cref="InvalidKernelOperationException">It does not have it.</exception>
    public static void Require(bool offered, IrFunction function, string what, string extension)
    {
        if (!offered)
        {
            throw new InvalidKernelOperationException($"kernel {function.Name}: the device has no {what} ({extension})");
        }
    }

    /// <summary>The expression for an <see cref="Op.Atomic"/>.</summary>
    public string Update(Instruction instruction, string[] operands)
    {
        var operation = (AtomicOp)instruction.Immediate;
        IrType type = instruction.Type;
        string space = Space(instruction);
        string name = Name(operation);
        if (type.IsInteger)
        {
            bool signed = operation is AtomicOp.Min or AtomicOp.Max;
            string element = signed ? OpenClTypes.Signed(type) : OpenClTypes.Name(type);
            bool extended = operation is not (AtomicOp.Add or AtomicOp.Exchange);
            string place = $"(volatile {space} {element}*)({operands[0]})";
            return $"({OpenClTypes.Name(type)}){Function(type, name, extended)}({place}, ({element}){operands[1]})";
        }

        (string bits, IrType integer) = type.Kind == IrKind.F32 ? ("uint", IrType.I32) : ("ulong", IrType.I64);
        string target = $"(volatile {space} {bits}*)({operands[0]})";
        if (operation == AtomicOp.Exchange)
        {
            return $"as_{OpenClTypes.Name(type)}({Function(integer, name, extended: false)}({target}, as_{bits}({operands[1]})))";
        }

        string helper = $"jit_atomic_{name}_{OpenClTypes.Name(type)}{space}";
        string update = operation switch
        {
            AtomicOp.Add => "old + value",
            AtomicOp.Min => $"jit_min_{OpenClTypes.Name(type)}(old, value)",
            AtomicOp.Max => $"jit_max_{OpenClTypes.Name(type)}(old, value)",
            _ => throw new IrException($"kernel {function.Name}: {IrPrinter.Describe(instruction)} has no meaning for floats"),
        };
        _helpers[helper] = OpenClHelpers.AtomicLoop(
            helper, space, OpenClTypes.Name(type), bits, Function(integer, "cmpxchg", extended: false), update);
        return $"{helper}({target}, {operands[1]})";
    }

    /// <summary>The expression for an <see cref="Op.CompareExchange"/>; floats are compared by their bits.</summary>
    public string CompareExchange(Instruction instruction, string[] operands)
    {
        IrType type = instruction.Type;
        IrType integer = type.ScalarBits == 32 ? IrType.I32 : IrType.I64;
        string bits = OpenClTypes.Name(integer);
        string function = Function(integer, "cmpxchg", extended: false);
        string target = $"(volatile {Space(instruction)} {bits}*)({operands[0]})";
        return $"as_{OpenClTypes.Name(type)}({function}({target}, as_{bits}({operands[1]}), as_{bits}({operands[2]})))";
    }

    private string Function(IrType type, string name, bool extended)
    {
        if (type == IrType.I32)
        {
            return $"atomic_{name}";
        }

        (bool offered, string extension) = extended
            ? (capabilities.Int64ExtendedAtomics, "cl_khr_int64_extended_atomics")
            : (capabilities.Int64Atomics, "cl_khr_int64_base_atomics");
        Require(offered, function, "64-bit atomics", extension);
        _extensions.Add(extension);
        return $"atom_{name}";
    }

    private string Space(Instruction instruction)
    {
        AddressSpace space = instruction.Operands[0].Type.Space;
        return space == AddressSpace.Local
            ? throw new InvalidKernelOperationException(
                $"kernel {function.Name}, {instruction.Source}: an atomic operation on memory of one lane; use a plain one")
            : OpenClTypes.Space(space);
    }

    private static string Name(AtomicOp operation) => operation switch
    {
        AtomicOp.Add => "add",
        AtomicOp.Min or AtomicOp.MinU => "min",
        AtomicOp.Max or AtomicOp.MaxU => "max",
        AtomicOp.And => "and",
        AtomicOp.Or => "or",
        AtomicOp.Xor => "xor",
        _ => "xchg",
    };
}
