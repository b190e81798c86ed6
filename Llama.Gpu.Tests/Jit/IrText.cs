using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit;

/// <summary>Reads what <see cref="IrPrinter"/> writes, so that tests state functions as text.</summary>
internal static class IrText
{
    private static readonly char[] Separators = [' ', ','];

    /// <summary>The function that a text describes.</summary>
    public static IrFunction Parse(string text)
    {
        string[] lines = [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
        int open = lines[0].IndexOf('(', StringComparison.Ordinal);
        int close = lines[0].LastIndexOf(')');
        string cluster = lines[0][(close + 1)..].Replace(" cluster ", string.Empty, StringComparison.Ordinal);
        var function = new IrFunction(lines[0]["kernel ".Length..open])
        {
            ClusterSize = cluster.Length > 0 ? int.Parse(cluster, CultureInfo.InvariantCulture) : 1,
        };
        foreach ((string name, IrType type) in Declarations(lines[0][(open + 1)..close]))
        {
            function.Parameters.Add(new(name, type, function.Parameters.Count));
        }

        // first all blocks and values, then what they refer to: a use may stand above its definition
        var values = new Dictionary<string, IrValue>();
        var blocks = new Dictionary<string, IrBlock>();
        var unfinished = new List<(Instruction Instruction, string[] Operands)>();
        foreach (string line in lines[1..])
        {
            if (line.EndsWith("):", StringComparison.Ordinal))
            {
                int start = line.IndexOf('(', StringComparison.Ordinal);
                var block = new IrBlock();
                function.Blocks.Add(block);
                blocks.Add(line[..start], block);
                foreach ((string name, IrType type) in Declarations(line[(start + 1)..^2]))
                {
                    var parameter = new BlockParameter(block, type);
                    block.Parameters.Add(parameter);
                    values.Add(name, parameter);
                }
            }
            else if (!IsTerminator(line))
            {
                (Instruction instruction, string? name, string[] operands) = ParseInstruction(line);
                function.Blocks[^1].Instructions.Add(instruction);
                unfinished.Add((instruction, operands));
                if (name is not null)
                {
                    values.Add(name, instruction);
                }
            }
        }

        foreach ((Instruction instruction, string[] operands) in unfinished)
        {
            instruction.Operands = [.. operands.Select(operand => values[operand])];
        }

        int current = -1;
        foreach (string line in lines[1..])
        {
            current += line.EndsWith("):", StringComparison.Ordinal) ? 1 : 0;
            if (IsTerminator(line))
            {
                function.Blocks[current].Terminator = ParseTerminator(line, values, blocks);
            }
        }

        return function;
    }

    private static bool IsTerminator(string line) =>
        line == "return" || line.StartsWith("goto ", StringComparison.Ordinal) || line.StartsWith("if ", StringComparison.Ordinal);

    private static IEnumerable<(string Name, IrType Type)> Declarations(string list) =>
        list.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(": ")).Select(parts => (parts[0], ParseType(parts[1])));

    private static IrType ParseType(string text)
    {
        if (text.StartsWith("ptr", StringComparison.Ordinal))
        {
            return IrType.Pointer(text == "ptr" ? AddressSpace.Generic : Enum.Parse<AddressSpace>(text[4..], ignoreCase: true));
        }

        string[] parts = text.Split('x');
        int width = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 1;
        return new IrType(Enum.Parse<IrKind>(parts[0], ignoreCase: true), AddressSpace.Generic, width);
    }

    private static (Instruction Instruction, string? Name, string[] Operands) ParseInstruction(string line)
    {
        string? name = null;
        IrType type = IrType.Void;
        int equals = line.IndexOf(" = ", StringComparison.Ordinal);
        if (equals >= 0)
        {
            string[] declaration = line[..equals].Split(": ");
            (name, type) = (declaration[0], ParseType(declaration[1]));
            line = line[(equals + 3)..];
        }

        var words = new Queue<string>(line.Split(Separators, StringSplitOptions.RemoveEmptyEntries));
        Op op = Enum.Parse<Op>(words.Dequeue(), ignoreCase: true);
        long immediate = 0;
        bool isStreamed = words.TryPeek(out string? first) && first == "streamed";
        if (isStreamed)
        {
            words.Dequeue();
        }

        if (words.TryPeek(out string? word) && word[0] != '%')
        {
            immediate = Immediate(op, type, words.Dequeue() == "align" ? words.Dequeue() : word);
        }

        return (new Instruction(op, type, [], immediate, default) { IsStreamed = isStreamed }, name, [.. words]);
    }

    private static long Immediate(Op op, IrType type, string word) => op switch
    {
        Op.Constant when type == IrType.F32 => BitConverter.SingleToInt32Bits(float.Parse(word, CultureInfo.InvariantCulture)),
        Op.Constant when type == IrType.F64 => BitConverter.DoubleToInt64Bits(double.Parse(word, CultureInfo.InvariantCulture)),
        Op.BuiltIn => (long)Enum.Parse<BuiltIn>(word, ignoreCase: true),
        Op.Atomic => (long)Enum.Parse<AtomicOp>(word, ignoreCase: true),
        Op.MatrixMultiply => (long)Enum.Parse<MatrixElement>(word, ignoreCase: true),
        Op.LoadMatrix => 1,
        Op.WarpGroupMultiply or Op.WarpGroupMultiplyHeld when word.Split('.') is [var element, var columns, .. var distance] =>
            new WarpGroupShape(
                Enum.Parse<MatrixElement>(element, ignoreCase: true),
                int.Parse(columns[1..], CultureInfo.InvariantCulture),
                int.Parse(distance.FirstOrDefault("0"), CultureInfo.InvariantCulture)).Immediate,
        Op.Fence => (long)Enum.Parse<FenceScope>(word, ignoreCase: true),
        _ => long.Parse(word, CultureInfo.InvariantCulture),
    };

    private static Terminator ParseTerminator(string line, Dictionary<string, IrValue> values, Dictionary<string, IrBlock> blocks)
    {
        Jump ParseJump(string text)
        {
            int open = text.IndexOf('(', StringComparison.Ordinal);
            string[] arguments = text[(open + 1)..^1].Split(", ", StringSplitOptions.RemoveEmptyEntries);
            return new Jump(blocks[text[..open]], [.. arguments.Select(argument => values[argument])]);
        }

        if (line == "return")
        {
            return new Return();
        }

        if (line.StartsWith("goto ", StringComparison.Ordinal))
        {
            return new Goto(ParseJump(line["goto ".Length..]));
        }

        string[] parts = line["if ".Length..].Split([" goto ", " else "], StringSplitOptions.None);
        return new Branch(values[parts[0]], ParseJump(parts[1]), ParseJump(parts[2]));
    }
}
