using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>Instructions as statements of OpenCL C, and what the program needs beside them: types, helpers, extensions.</summary>
internal sealed class OpenClStatements(IrFunction function, OpenClCapabilities capabilities, OpenClValues values)
{
    private const string AllMemory = "CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE";

    private readonly SortedSet<string> _typedefs = new(StringComparer.Ordinal);
    private readonly OpenClAtomics _atomics = new(function, capabilities);
    private int _kept;

    /// <summary>Whether lanes exchange values through local memory.</summary>
    public bool UsesExchange { get; private set; }

    /// <summary>Whether the lanes of a sub-group do something together.</summary>
    public bool UsesSubGroups { get; private set; }

    /// <summary>What the program must switch on or off first.</summary>
    public IEnumerable<string> Pragmas()
    {
        yield return "FP_CONTRACT OFF";
        if (function.Instructions.Any(instruction => instruction.Type.Kind == IrKind.F64)
            || function.Parameters.Any(parameter => parameter.Type.Kind == IrKind.F64))
        {
            OpenClAtomics.Require(capabilities.Float64, function, "f64", "cl_khr_fp64");
            yield return "EXTENSION cl_khr_fp64 : enable";
        }

        if (UsesSubGroups && capabilities.SubGroups is { } subGroups)
        {
            yield return $"EXTENSION {subGroups.Extension} : enable";
            yield return $"EXTENSION {OpenClSubGroups.RequiredSize} : enable";
        }

        foreach (string extension in _atomics.Extensions)
        {
            yield return $"EXTENSION {extension} : enable";
        }
    }

    /// <summary>The types that memory is accessed as.</summary>
    public IEnumerable<string> Typedefs => _typedefs;

    /// <summary>Functions that the statements call and that no table of fixed ones has.</summary>
    public IEnumerable<string> Helpers => _atomics.Helpers;

    /// <summary>Assigns a jump's arguments to the parameters of its block, all at once.</summary>
    public IEnumerable<string> Copies(Jump jump)
    {
        var copies = jump.Block.Parameters.Zip(jump.Arguments).Where(copy => copy.First != copy.Second).ToArray();
        var targets = copies.Select(copy => (IrValue)copy.First).ToHashSet();
        var assignments = new List<string>();
        foreach ((BlockParameter target, IrValue argument) in copies)
        {
            string text = values.Name(argument);
            if (targets.Contains(argument))
            {
                // assigned by the same jump: kept first
                text = $"kept{_kept++}";
                yield return $"{OpenClTypes.Name(argument.Type)} {text} = {values.Name(argument)};";
            }

            assignments.Add($"{values.Name(target)} = {text};");
        }

        foreach (string assignment in assignments)
        {
            yield return assignment;
        }
    }

    /// <summary>The statements of an instruction.</summary>
    public IEnumerable<string> Of(Instruction instruction)
    {
        if (values.IsWritten(instruction))
        {
            return [];
        }

        string[] operands = [.. instruction.Operands.Select(values.Name)];
        return instruction.Op switch
        {
            Op.Store => [Store(instruction, operands)],
            Op.WarpBarrier when capabilities.SubGroups is not null => [SubGroupBarrier()],
            Op.Barrier or Op.WarpBarrier => [$"barrier({AllMemory});"],
            Op.Fence => [$"mem_fence({AllMemory});"],
            Op.Shuffle when capabilities.SubGroups is { } subGroups =>
                [values.Assign(instruction, Shuffle(instruction, operands, subGroups))],
            Op.Shuffle or Op.Broadcast => Exchange(instruction, operands),
            Op.Atomic => [values.Assign(instruction, _atomics.Update(instruction, operands))],
            Op.CompareExchange => [values.Assign(instruction, _atomics.CompareExchange(instruction, operands))],
            _ => [values.Assign(instruction, Expression(instruction, operands))],
        };
    }

    private string Expression(Instruction instruction, string[] operands) => instruction.Op switch
    {
        Op.Load => Load(instruction, operands[0]),
        Op.BuildVector => $"({OpenClTypes.Name(instruction.Type)})({string.Join(", ", operands)})",
        Op.Extract => string.Create(CultureInfo.InvariantCulture, $"{operands[0]}.s{instruction.Immediate}"),
        Op.Bitcast when instruction.Type.IsPointer || instruction.Operands[0].Type.IsPointer =>
            $"({OpenClTypes.Name(instruction.Type)}){operands[0]}",
        Op.Bitcast => $"as_{OpenClTypes.Name(instruction.Type)}({operands[0]})",
        Op.Lt or Op.Le or Op.LtU or Op.LeU when instruction.Operands[0].Type.IsPointer =>
            $"(ulong){operands[0]} {(instruction.Op is Op.Lt or Op.LtU ? "<" : "<=")} (ulong){operands[1]}",
        Op.Div or Op.Rem or Op.DivU or Op.RemU when NeedsGuard(instruction) => GuardedDivision(instruction, operands),
        _ => OpenClInstructions.Expression(instruction, operands)
            ?? throw new IrException($"kernel {function.Name}: OpenCL C has no text for {IrPrinter.Describe(instruction)}"),
    };

    private bool NeedsGuard(Instruction instruction) => capabilities.GuardsDivision && instruction.Type.IsInteger
        && instruction.Operands[1] is not Instruction { Op: Op.Constant, Immediate: not (0 or -1) };

    private static string GuardedDivision(Instruction instruction, string[] operands)
    {
        string type = OpenClTypes.Name(instruction.Type);
        bool signed = instruction.Op is Op.Div or Op.Rem;
        string refused = signed ? $"{operands[1]} == 0 || {operands[1]} == ({type})-1" : $"{operands[1]} == 0";
        string division = OpenClInstructions.Expression(instruction, [operands[0], $"({refused} ? ({type})1 : {operands[1]})"])!;

        // by 1 instead of by -1: the quotient's sign is wrong, the remainder is right
        return instruction.Op == Op.Div ? $"{operands[1]} == ({type})-1 ? ({type})(0u - {operands[0]}) : {division}" : division;
    }

    private string Load(Instruction instruction, string address)
    {
        string place = Place(instruction.Type, instruction.Operands[0].Type.Space, instruction.Immediate, address);
        return instruction.Type.Kind == IrKind.I1 ? $"{place} != 0" : place;
    }

    private string Store(Instruction instruction, string[] operands)
    {
        IrType type = instruction.Operands[1].Type;
        return $"{Place(type, instruction.Operands[0].Type.Space, instruction.Immediate, operands[0])} = {operands[1]};";
    }

    private string Place(IrType type, AddressSpace space, long alignment, string address)
    {
        IrType stored = OpenClTypes.Stored(type);
        _typedefs.Add(OpenClTypes.MemoryTypedef(stored, alignment));
        return $"*({OpenClTypes.Space(space)} {OpenClTypes.MemoryName(stored, alignment)}*)({address})";
    }

    private string SubGroupBarrier()
    {
        UsesSubGroups = true;
        return $"sub_group_barrier({AllMemory});";
    }

    // scalars below 32 bits are exchanged as one of 32: not every device has the function for them
    private string Shuffle(Instruction instruction, string[] operands, OpenClSubGroups subGroups)
    {
        UsesSubGroups = true;
        string Exchanged(string value) => $"{subGroups.ShuffleFunction}({value}, jit_sub_group_source({operands[1]}))";
        return instruction.Type.Kind switch
        {
            IrKind.I1 => $"{Exchanged($"(uint){operands[0]}")} != 0",
            IrKind.I8 or IrKind.I16 => $"({OpenClTypes.Name(instruction.Type)}){Exchanged($"(uint){operands[0]}")}",
            _ => Exchanged(operands[0]),
        };
    }

    // Two slots take turns, so one barrier is enough: whoever writes a slot again has passed the barrier of the exchange between,
    // which all lanes reach after reading.
    private IEnumerable<string> Exchange(Instruction instruction, string[] operands)
    {
        UsesExchange = true;
        IrType stored = OpenClTypes.Stored(instruction.Type);
        _typedefs.Add(OpenClTypes.MemoryTypedef(stored, stored.Bytes));
        string slots = $"((__local {OpenClTypes.MemoryName(stored, stored.Bytes)}*)(exchange + turn))";
        string source = instruction.Op == Op.Broadcast
            ? operands[1]
            : string.Create(CultureInfo.InvariantCulture, $"jit_source(lane, lanes, {capabilities.WarpSize}u, {operands[1]})");
        yield return "turn = lanes - turn;";
        yield return $"{slots}[lane] = {operands[0]};";
        yield return "barrier(CLK_LOCAL_MEM_FENCE);";
        yield return values.Assign(instruction, $"{slots}[{source}]{(instruction.Type.Kind == IrKind.I1 ? " != 0" : string.Empty)}");
    }
}
