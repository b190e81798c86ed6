using System.Globalization;
using System.Text;

namespace Llama.Gpu.Jit.Ir;

/// <summary>Writes a function as text for people: values are numbered in order, so equal functions print alike.</summary>
internal sealed class IrPrinter
{
    private readonly Dictionary<IrValue, string> _names = [];
    private readonly Dictionary<IrBlock, string> _blocks = [];
    private readonly StringBuilder _text = new();

    private IrPrinter(IrFunction function)
    {
        int count = 0;
        foreach (IrBlock block in function.Blocks)
        {
            _blocks.Add(block, $"b{_blocks.Count}");
            foreach (BlockParameter parameter in block.Parameters)
            {
                _names.Add(parameter, $"%{count++}");
            }

            foreach (Instruction instruction in block.Instructions.Where(instruction => instruction.Type.Kind != IrKind.Void))
            {
                _names.Add(instruction, $"%{count++}");
            }
        }
    }

    /// <summary>The text of a function; <c>docs/ir.md</c> shows the form.</summary>
    public static string Print(IrFunction function)
    {
        var printer = new IrPrinter(function);
        printer.Function(function);
        return printer._text.ToString();
    }

    /// <summary>One instruction without the numbers of a function, for messages.</summary>
    public static string Describe(Instruction instruction) =>
        $"{instruction.Op} {string.Join(", ", instruction.Operands.Select(operand => operand.Type))} -> {instruction.Type} ({instruction.Source})";

    private void Function(IrFunction function)
    {
        _text.Append(CultureInfo.InvariantCulture, $"kernel {function.Name}(");
        _text.AppendJoin(", ", function.Parameters.Select(parameter => $"{parameter.Name}: {parameter.Type}"));
        _text.Append(function.ClusterSize > 1 ? $") cluster {function.ClusterSize}\n" : ")\n");
        foreach (IrBlock block in function.Blocks)
        {
            _text.Append(CultureInfo.InvariantCulture, $"{_blocks[block]}(");
            _text.AppendJoin(", ", block.Parameters.Select(parameter => $"{_names[parameter]}: {parameter.Type}"));
            _text.Append("):\n");
            foreach (Instruction instruction in block.Instructions)
            {
                Write(instruction);
            }

            _text.Append("    ").Append(Write(block.Terminator)).Append('\n');
        }
    }

    private void Write(Instruction instruction)
    {
        _text.Append("    ");
        if (instruction.Type.Kind != IrKind.Void)
        {
            _text.Append(CultureInfo.InvariantCulture, $"{Name(instruction)}: {instruction.Type} = ");
        }

        _text.Append(instruction.Op.ToString().ToLowerInvariant());
        string immediate = Immediate(instruction);
        _text.Append(immediate.Length > 0 ? $" {immediate}" : string.Empty);
        _text.Append(instruction.Operands.Length > 0 ? " " : string.Empty);
        _text.AppendJoin(", ", instruction.Operands.Select(Name)).Append('\n');
    }

    private static string Immediate(Instruction instruction) => instruction.Op switch
    {
        Op.Constant when instruction.Type == IrType.F32 =>
            BitConverter.Int32BitsToSingle((int)instruction.Immediate).ToString("R", CultureInfo.InvariantCulture),
        Op.Constant when instruction.Type == IrType.F64 =>
            BitConverter.Int64BitsToDouble(instruction.Immediate).ToString("R", CultureInfo.InvariantCulture),
        Op.BuiltIn => ((BuiltIn)instruction.Immediate).ToString().ToLowerInvariant(),
        Op.Atomic => ((AtomicOp)instruction.Immediate).ToString().ToLowerInvariant(),
        Op.Fence => ((FenceScope)instruction.Immediate).ToString().ToLowerInvariant(),
        Op.MatrixMultiply => ((MatrixElement)instruction.Immediate).ToString().ToLowerInvariant(),
        Op.LoadMatrix => instruction.Immediate == 1 ? "transposed" : string.Empty,
        Op.Load when instruction.IsStreamed => $"streamed align {instruction.Immediate}",
        Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld => WarpGroupShape.Of(instruction.Immediate).ToString(),
        Op.AsyncBarrierArrive when instruction.Immediate > 0 => instruction.Immediate.ToString(CultureInfo.InvariantCulture),
        Op.TensorLoad when instruction.Immediate > 0 => instruction.Immediate.ToString(CultureInfo.InvariantCulture),
        Op.Load or Op.Store => $"align {instruction.Immediate}",
        Op.Constant or Op.Parameter or Op.AllocateLocal or Op.AllocateShared or Op.Extract
            or Op.AsyncCopy or Op.AsyncWait or Op.WarpGroupWait or Op.WarpGroupRegisters =>
            instruction.Immediate.ToString(CultureInfo.InvariantCulture),
        _ => string.Empty,
    };

    private string Write(Terminator? terminator) => terminator switch
    {
        Goto only => $"goto {Write(only.Target)}",
        Branch branch => $"if {Name(branch.Condition)} goto {Write(branch.IfTrue)} else {Write(branch.IfFalse)}",
        Return => "return",
        _ => "(no terminator)",
    };

    private string Write(Jump jump) => $"{_blocks.GetValueOrDefault(jump.Block, "b?")}({string.Join(", ", jump.Arguments.Select(Name))})";

    private string Name(IrValue value) => _names.GetValueOrDefault(value, "%?");
}
