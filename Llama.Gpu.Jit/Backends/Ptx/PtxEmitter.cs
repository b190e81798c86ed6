using System.Globalization;
using System.Text;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>
/// Writes a kernel as PTX, value by value: scalars are virtual registers, vectors lists of them that exist only at loads and
/// stores, block parameters registers that jumps move values into. Scheduling and register allocation are the assembler's.
/// </summary>
internal sealed class PtxEmitter
{
    private const string DynamicShared = "dynamic_shared";

    private readonly IrFunction _function;
    private readonly PtxOptions _options;
    private readonly PtxRegisters _registers = new();
    private readonly PtxMemory _memory;
    private readonly PtxMoves _moves;
    private readonly PtxJumps _jumps;
    private readonly PtxLanes _lanes;
    private readonly bool _wholeWarps;
    private readonly PtxWarpGroups _warpGroups;
    private readonly PtxAccumulators _accumulators;
    private readonly StringBuilder _body = new();
    private readonly StringBuilder _variables = new();
    private readonly Dictionary<IrValue, string[]> _values = [];
    private readonly Dictionary<IrBlock, string> _labels = [];
    private readonly Dictionary<string, int> _files = [];
    private SourcePoint _line;
    private int _arrays;
    private int _sharedBytes;
    private int _localBytes;

    private PtxEmitter(IrFunction function, PtxOptions options)
    {
        _function = function;
        _options = options;
        _memory = new PtxMemory(_registers, Write);
        _moves = new PtxMoves(_registers, Write);
        _jumps = new PtxJumps(_values, _labels, _moves, Write, Label);
        _lanes = new PtxLanes(_registers, _memory, Write);
        _warpGroups = new PtxWarpGroups(_registers, Write);
        _accumulators = new PtxAccumulators(function, _registers);

        // groups that use tensor cores consist of whole warps
        _wholeWarps = function.Instructions.Any(instruction => instruction.Op is Op.MatrixMultiply or Op.LoadMatrix);
    }

    /// <summary>The kernel as PTX.</summary>
    /// <exception cref="IrException">The function has something that PTX cannot say.</exception>
    public static PtxKernel Emit(IrFunction function, PtxOptions options)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(options);
        return new PtxEmitter(function, options).Emit();
    }

    private PtxKernel Emit()
    {
        foreach (IrBlock block in _function.Blocks)
        {
            _labels.Add(block, $"B{_labels.Count}");
            foreach (BlockParameter parameter in block.Parameters)
            {
                Define(parameter);
            }
        }

        bool broadcasts = _function.Instructions.Any(instruction => instruction.Op == Op.Broadcast);
        if (broadcasts || _function.Instructions.Any(instruction => instruction.Op == Op.Shuffle))
        {
            _lanes.Begin();
        }

        if (broadcasts)
        {
            _variables.Append(PtxLanes.Slot);
            _sharedBytes += PtxLanes.SlotBytes;
        }

        // in this order a value is met before its uses, wherever the list has its block
        List<IrBlock> blocks = new Dominators(_function).ReversePostorder;
        for (int i = 0; i < blocks.Count; i++)
        {
            IrBlock block = blocks[i];
            if (i > 0)
            {
                Label(_labels[block]);
            }

            foreach (Instruction instruction in block.Instructions)
            {
                Line(instruction.Source);
                Write(instruction);
            }

            _jumps.Terminate(block.Terminator!, i + 1 < blocks.Count ? blocks[i + 1] : null);
        }

        bool dynamic = _function.Instructions.Any(instruction => instruction.Op == Op.DynamicShared);
        return new PtxKernel(_function.Name, Module(dynamic), _sharedBytes, _localBytes, dynamic);
    }

    private string Module(bool dynamic)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $".version {_options.Target.Version}\n.target {_options.Target.Name}\n.address_size 64\n\n");
        foreach ((string file, int number) in _files)
        {
            text.Append(CultureInfo.InvariantCulture, $".file {number} \"{file.Replace('\\', '/')}\"\n");
        }

        if (dynamic)
        {
            text.Append(CultureInfo.InvariantCulture, $".extern .shared .align {Alignment(0)} .b8 {DynamicShared}[];\n");
        }

        text.Append(CultureInfo.InvariantCulture, $".visible .entry {_function.Name}(");
        text.AppendJoin(",", _function.Parameters.Select((parameter, i) => $"\n    {Declaration(parameter.Type)} {ParameterName(i)}{(IsMap(parameter.Type) ? "[128]" : string.Empty)}"));
        text.Append(")\n");
        if ((_options.MaxGroupSize ?? _function.GroupSize) is int lanes)
        {
            // without the second line the assembler guesses how many groups are to fit, and spills for it
            text.Append(CultureInfo.InvariantCulture, $".maxntid {lanes}, 1, 1\n.minnctapersm 1\n");
        }

        if (_function.ClusterSize > 1)
        {
            text.Append(CultureInfo.InvariantCulture, $".explicitcluster\n.reqnctapercluster {_function.ClusterSize}, 1, 1\n");
        }

        text.Append("{\n");
        _registers.Declare(text);
        return text.Append(_variables).Append('\n').Append(_body).Append("}\n").ToString();
    }

    private static bool IsMap(IrType type) => type.Space == AddressSpace.Parameter;

    private static string Declaration(IrType type) => IsMap(type)
        ? ".param .align 64 .b8"
        : string.Create(CultureInfo.InvariantCulture, $".param .b{Math.Max(8, type.ScalarBits)}");

    private void Write(Instruction instruction)
    {
        IrType type = instruction.Type;
        switch (instruction.Op)
        {
            case Op.AllocateLocal when _accumulators.Holds(instruction):
                // the assembler lets products run one after the other where the sums of the first one were never set
                string[] sums = _accumulators.At(instruction, (int)instruction.Immediate / sizeof(float));
                _moves.Words(sums, [.. sums.Select(_ => Literal(IrType.F32, 0))]);
                break;
            case Op.Offset when _accumulators.Holds(instruction):
                break;
            case Op.Load when _accumulators.Holds(instruction.Operands[0]):
                Define(instruction);
                _moves.Words(_values[instruction], _accumulators.At(instruction.Operands[0], type.Width));
                break;
            case Op.Store when _accumulators.Holds(instruction.Operands[0]):
                string[] given = _values[instruction.Operands[1]];
                _moves.Words(_accumulators.At(instruction.Operands[0], given.Length), given);
                break;
            case Op.Constant or Op.Undefined when type == IrType.I1:
                Write($"mov.pred {Define(instruction)}, {instruction.Immediate & 1};");
                break;
            case Op.Constant:
                _values.Add(instruction, [Literal(type, instruction.Immediate)]);
                break;
            case Op.Undefined:
                _values.Add(instruction, [.. Enumerable.Repeat(Literal(type, 0), type.Width)]);
                break;
            case Op.Parameter:
                Parameter(instruction);
                break;
            case Op.AllocateShared:
                _sharedBytes += (int)instruction.Immediate;
                Write($"mov.b32 {Define(instruction)}, {Array("shared", instruction.Immediate, Alignment(instruction.Immediate))};");
                break;
            case Op.AllocateLocal:
                _localBytes += (int)instruction.Immediate;
                Write($"mov.b32 {Define(instruction)}, {Array("local", instruction.Immediate)};");
                break;
            case Op.DynamicShared:
                Write($"mov.b32 {Define(instruction)}, {DynamicShared};");
                break;
            case Op.Load:
                Define(instruction);
                IrValue source = instruction.Operands[0];
                _memory.Load(source.Type, Value(source), type, instruction.Immediate, _values[instruction], instruction.IsStreamed);
                break;
            case Op.Store:
                IrValue stored = instruction.Operands[1];
                _memory.Store(
                    instruction.Operands[0].Type, Value(instruction.Operands[0]), stored.Type, instruction.Immediate, _values[stored],
                    (first, word) => stored is Instruction { Op: Op.BuildVector } vector && Pair(vector.Operands[first], vector.Operands[first + 1], () => word));
                break;
            case Op.BuildVector:
                _values.Add(instruction, [.. instruction.Operands.Select(Value)]);
                break;
            case Op.Extract:
                _values.Add(instruction, [_values[instruction.Operands[0]][instruction.Immediate]]);
                break;
            case Op.Bitcast:
                Bitcast(instruction);
                break;
            case Op.Select:
                Select(instruction);
                break;
            case Op.Shuffle:
                _lanes.Shuffle(
                    type, Value(instruction.Operands[0]), Value(instruction.Operands[1]), Define(instruction),
                    _wholeWarps && PtxLanes.IsInWarp(instruction.Operands[1]));
                break;
            case Op.Broadcast:
                _lanes.Broadcast(type, Value(instruction.Operands[0]), Value(instruction.Operands[1]), Define(instruction));
                break;
            case Op.MatrixMultiply or Op.LoadMatrix or Op.AsyncCopy or Op.AsyncCommit or Op.AsyncWait:
                TensorCores(instruction);
                break;
            case Op.Or when PtxPairs.Halves(instruction) is var (low, high) && Pair(low, high, () => Define(instruction)):
                break;
            case var _ when instruction.IsOfWarpGroups:
                WarpGroups(instruction);
                break;
            default:
                Table(instruction);
                break;
        }
    }

    // rounds two numbers into a word, if that is how its halves come about
    private bool Pair(IrValue low, IrValue high, Func<string> word)
    {
        if (PtxPairs.Text(low, high, _options.Target) is not { } text)
        {
            return false;
        }

        Write(text.Replace("$0", Value(((Instruction)low).Operands[0]), StringComparison.Ordinal)
            .Replace("$1", Value(((Instruction)high).Operands[0]), StringComparison.Ordinal)
            .Replace("$d", word(), StringComparison.Ordinal));
        return true;
    }

    private void WarpGroups(Instruction instruction)
    {
        if (!_options.Target.HasWarpGroups)
        {
            throw TargetError.NotOffered(_function, instruction, _options.Target.Name);
        }

        bool multiplies = instruction.IsWarpGroupProduct;
        _warpGroups.Emit(
            instruction,
            [.. instruction.Operands.Select((operand, i) => multiplies && i == 0 ? [] : _values[operand])],
            multiplies ? _accumulators.At(instruction.Operands[0], WarpGroupShape.Of(instruction.Immediate).Sums) : []);
    }

    private void TensorCores(Instruction instruction)
    {
        bool matrices = instruction.Op is Op.MatrixMultiply or Op.LoadMatrix;
        if (!(matrices ? _options.Target.HasTensorCores : _options.Target.CopiesAsynchronously))
        {
            throw TargetError.NotOffered(_function, instruction, _options.Target.Name);
        }

        if (matrices)
        {
            Define(instruction);
        }

        string[][] operands = [.. instruction.Operands.Select(operand => _values[operand])];
        Write(instruction.Op switch
        {
            Op.MatrixMultiply => PtxTensorCores.Multiply((MatrixElement)instruction.Immediate, _values[instruction], operands, _registers),
            Op.LoadMatrix => PtxTensorCores.Load(instruction.Immediate == 1, _values[instruction], operands[0][0]),
            Op.AsyncCopy => PtxTensorCores.Copy(instruction.Immediate, operands[0][0], operands[1][0], operands[2][0]),
            Op.AsyncCommit => "cp.async.commit_group;",
            _ => string.Create(CultureInfo.InvariantCulture, $"cp.async.wait_group {instruction.Immediate};"),
        });
    }

    private void Table(Instruction instruction)
    {
        string text = PtxInstructions.Text(instruction, _options.Target);
        for (int i = 0; i < instruction.Operands.Length; i++)
        {
            text = text.Replace($"${i}", Operand(instruction.Op, instruction.Operands[i], i), StringComparison.Ordinal);
        }

        Write(instruction.Type.Kind == IrKind.Void ? text : text.Replace("$d", Define(instruction), StringComparison.Ordinal));
    }

    // the upper half of an 8-bit value's register is anything: where an operation would read it, it is filled first
    private string Operand(Op op, IrValue value, int index)
    {
        bool signed = PtxInstructions.ReadsSigned(op);
        bool counted = op is Op.Shr or Op.ShrU && index == 1;
        if (value.Type.Kind != IrKind.I8 || counted || !(signed || PtxInstructions.ReadsUnsigned(op)))
        {
            return Value(value);
        }

        string filled = _registers.New(IrType.I16);
        Write(signed ? $"cvt.s16.s8 {filled}, {Value(value)};" : $"cvt.u16.u8 {filled}, {Value(value)};");
        return filled;
    }

    private void Parameter(Instruction instruction)
    {
        string result = Define(instruction);
        if (IsMap(instruction.Type))
        {
            Write($"mov.b64 {result}, {ParameterName((int)instruction.Immediate)};\ncvta.param.u64 {result}, {result};");
            return;
        }

        string bits = instruction.Type.Kind == IrKind.I8 ? "b8" : PtxRegisters.Bits(instruction.Type);
        Write($"ld.param.{bits} {result}, [{ParameterName((int)instruction.Immediate)}];");
        if (instruction.Type.IsPointer)
        {
            Write($"cvta.to.global.u64 {result}, {result};");
        }
    }

    private void Select(Instruction instruction)
    {
        Define(instruction);
        string condition = Value(instruction.Operands[0]);
        for (int i = 0; i < instruction.Type.Width; i++)
        {
            string result = _values[instruction][i];
            string first = _values[instruction.Operands[1]][i];
            string second = _values[instruction.Operands[2]][i];
            Write(instruction.Type.Kind == IrKind.I1
                ? $$"""
                  {
                  .reg .pred chosen, other;
                  and.pred chosen, {{condition}}, {{first}};
                  not.pred other, {{condition}};
                  and.pred other, other, {{second}};
                  or.pred {{result}}, chosen, other;
                  }
                  """
                : $"selp.{PtxRegisters.Bits(instruction.Type)} {result}, {first}, {second}, {condition};");
        }
    }

    private void Bitcast(Instruction instruction)
    {
        string[] from = _values[instruction.Operands[0]];
        IrType source = instruction.Operands[0].Type;
        Define(instruction);
        string[] to = _values[instruction];
        string wide = PtxRegisters.Bits(to.Length < from.Length ? instruction.Type.Scalar : source.Scalar);
        int parts = Math.Max(from.Length, to.Length) / Math.Min(from.Length, to.Length);
        if (parts > 1 && (source.ScalarBits == 8 || instruction.Type.ScalarBits == 8))
        {
            throw new IrException($"PTX cannot turn a {source} into a {instruction.Type} in registers");
        }

        if (source.IsPointer != instruction.Type.IsPointer && (source.IsPointer ? source : instruction.Type).Space != AddressSpace.Global)
        {
            Write(source.IsPointer ? $"cvt.u64.u32 {to[0]}, {from[0]};" : $"cvt.u32.u64 {to[0]}, {from[0]};");
            return;
        }

        for (int i = 0; i < Math.Min(from.Length, to.Length); i++)
        {
            string[] taken = to.Length < from.Length ? from[(i * parts)..((i + 1) * parts)] : [from[i]];
            string[] given = to.Length > from.Length ? to[(i * parts)..((i + 1) * parts)] : [to[i]];
            Write($"mov.{wide} {Pack(given)}, {Pack(taken)};");
        }
    }

    private static string Pack(string[] names) => names.Length == 1 ? names[0] : $"{{{string.Join(", ", names)}}}";

    private void Line(SourcePoint source)
    {
        if (!_options.Lines || source.File is null || source.Line <= 0 || source == _line)
        {
            return;
        }

        _line = source;
        if (!_files.TryGetValue(source.File, out int file))
        {
            file = _files.Count + 1;
            _files.Add(source.File, file);
        }

        Write(string.Create(CultureInfo.InvariantCulture, $".loc {file} {source.Line} 0"));
    }

    private void Write(string text)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            _body.Append("    ").Append(line).Append('\n');
        }
    }

    private void Label(string name) => _body.Append(name).Append(":\n");

    // the registers of a value; the first of them is returned
    private string Define(IrValue value)
    {
        string[] names = [.. Enumerable.Range(0, value.Type.Width).Select(_ => _registers.New(value.Type.Scalar))];
        _values.Add(value, names);
        return names[0];
    }

    private string Value(IrValue value) => _values[value][0];

    // what boxes are copied to begins at a multiple of 1024 bytes
    private int Alignment(long bytes) =>
        bytes % TensorMap<Half>.BoxAlignment == 0 && _function.Instructions.Any(instruction => instruction.IsOfWarpGroups) ? TensorMap<Half>.BoxAlignment : 16;

    private string Array(string space, long bytes, int alignment = 16)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{space}_{_arrays++}");
        _variables.Append(CultureInfo.InvariantCulture, $"    .{space} .align {alignment} .b8 {name}[{bytes}];\n");
        return name;
    }

    private string ParameterName(int index) => string.Create(CultureInfo.InvariantCulture, $"{_function.Name}_{index}");

    private static string Literal(IrType type, long bits) => type.Kind switch
    {
        IrKind.F32 => $"0f{(uint)bits:X8}",
        IrKind.F64 => $"0d{(ulong)bits:X16}",
        IrKind.I8 => ((sbyte)bits).ToString(CultureInfo.InvariantCulture),
        IrKind.I16 => ((short)bits).ToString(CultureInfo.InvariantCulture),
        IrKind.I32 => ((int)bits).ToString(CultureInfo.InvariantCulture),
        _ => bits.ToString(CultureInfo.InvariantCulture),
    };
}
