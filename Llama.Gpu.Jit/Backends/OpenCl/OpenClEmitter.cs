using System.Globalization;
using System.Text;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>Writes a function as OpenCL C 1.2: control flow here, instructions in <see cref="OpenClStatements"/>.</summary>
internal sealed class OpenClEmitter
{
    private readonly IrFunction _function;
    private readonly OpenClCapabilities _capabilities;
    private readonly OpenClValues _values;
    private readonly OpenClStatements _statements;
    private readonly ControlStructure _structure;
    private readonly StringBuilder _body = new();
    private readonly Dictionary<IrBlock, string> _labels = [];
    private readonly HashSet<string> _usedLabels = [];
    private readonly HashSet<IrBlock> _begun = [];
    private readonly Stack<(IrBlock Header, IrBlock? Behind)> _loops = new();

    // the branches that are open
    private readonly List<Arm> _arms = [];

    // what is left to write, so that a kernel unrolled into thousands of blocks does not run out of stack
    private readonly Stack<Action> _work = new();
    private int _indent = 1;

    private OpenClEmitter(IrFunction function, OpenClCapabilities capabilities)
    {
        _function = function;
        _capabilities = capabilities;
        _values = new OpenClValues(function, capabilities);
        _statements = new OpenClStatements(function, capabilities, _values);
        _structure = new ControlStructure(function);
        foreach (IrBlock block in function.Blocks)
        {
            _labels.Add(block, $"b{_labels.Count}");
        }
    }

    /// <summary>The program for a function.</summary>
    /// <exception cref="IrException">The function is not ready for this backend: a pointer without address space.</exception>
    /// <exception cref="KernelCompilationException">The kernel uses tensor cores or asynchronous copies.</exception>
    /// <exception cref="Runtime.InvalidKernelOperationException">The kernel needs something that the device does not offer.</exception>
    public static OpenClKernel Emit(IrFunction function, OpenClCapabilities capabilities)
    {
        if (function.Instructions.FirstOrDefault(IsOfTensorCores) is { } instruction)
        {
            throw TargetError.NotOffered(function, instruction, "OpenCL");
        }

        var emitter = new OpenClEmitter(function, capabilities);
        emitter.Block(function.Entry, null);
        while (emitter._work.TryPop(out Action? next))
        {
            next();
        }

        return emitter.Finish();
    }

    private static bool IsOfTensorCores(Instruction instruction) =>
        instruction.IsOfWarpGroups || instruction.Op is Op.MatrixMultiply or Op.LoadMatrix or Op.AsyncCopy or Op.AsyncCommit or Op.AsyncWait;

    private OpenClKernel Finish()
    {
        // labels that nothing jumps to are left out
        var lines = _body.ToString().Split('\n').Where(line => !line.StartsWith('@') || _usedLabels.Contains(line));
        string body = string.Join('\n', lines.Select(line => line.StartsWith('@') ? $"{line[1..]}:;" : line));
        string atomics = string.Join('\n', _statements.Helpers);
        var text = new StringBuilder();
        Append(text, string.Empty, _statements.Pragmas().Select(pragma => $"#pragma OPENCL {pragma}"));
        Append(text, string.Empty, _statements.Typedefs);
        Append(text, "\n", OpenClHelpers.Called(body + atomics).Concat(_statements.Helpers));

        string entryPoint = $"k_{_function.Name}";
        string attribute = _statements.UsesSubGroups ? _capabilities.SubGroups!.Attribute : string.Empty;
        text.Append(CultureInfo.InvariantCulture, $"\n{attribute}__kernel void {entryPoint}(");
        text.AppendJoin(", ", Parameters()).Append(")\n{\n");
        Append(text, "    ", _values.Declarations());
        if (_statements.UsesExchange)
        {
            text.Append("    const uint lanes = (uint)(get_local_size(0) * get_local_size(1) * get_local_size(2));\n");
            text.Append("    const uint lane = (uint)((get_local_id(2) * get_local_size(1) + get_local_id(1)) * get_local_size(0) + get_local_id(0));\n");
            text.Append("    uint turn = 0;\n");
        }

        text.Append(body).Append("}\n");
        return new(
            entryPoint, text.ToString(), _statements.UsesExchange, _values.UsesDynamicShared, _values.UsesDynamicBytes, _values.StaticSharedBytes);
    }

    private IEnumerable<string> Parameters()
    {
        IEnumerable<string> parameters = _values.Parameters();
        parameters = _statements.UsesExchange ? parameters.Append("__local ulong* exchange") : parameters;
        parameters = _values.UsesDynamicShared ? parameters.Append("__local ulong2* dynamic") : parameters;
        return _values.UsesDynamicBytes ? parameters.Append("uint dynamicBytes") : parameters;
    }

    private static void Append(StringBuilder text, string before, IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            text.Append(before).Append(line).Append('\n');
        }
    }

    /// <summary>Writes a block and what stands after it; <paramref name="next"/> is what follows in the text, null the end of the kernel.</summary>
    private void Block(IrBlock block, IrBlock? next)
    {
        _begun.Add(block);
        _body.Append('@').Append(_labels[block]).Append('\n');
        IReadOnlyList<IrBlock> joins = _structure.Joins(block);
        if (!_structure.IsLoop(block))
        {
            Sequence(joins, next);
            Code(block, joins.Count > 0 ? joins[0] : next);
            return;
        }

        IReadOnlyList<IrBlock> exits = _structure.Exits(block);
        Line("for (;;)");
        Open();
        _loops.Push((block, exits.Count > 0 ? exits[0] : next));
        Sequence(exits, next);
        _work.Push(() =>
        {
            _loops.Pop();
            Close();
        });
        Sequence(joins, block);
        Code(block, joins.Count > 0 ? joins[0] : block);
    }

    private void Sequence(IReadOnlyList<IrBlock> blocks, IrBlock? next)
    {
        for (int i = blocks.Count - 1; i >= 0; i--)
        {
            IrBlock block = blocks[i];
            IrBlock? after = i + 1 < blocks.Count ? blocks[i + 1] : next;
            _work.Push(() => Block(block, after));
        }
    }

    private void Code(IrBlock block, IrBlock? next)
    {
        foreach (Instruction instruction in block.Instructions)
        {
            if (instruction.Op is Op.Barrier or Op.WarpBarrier or Op.Shuffle or Op.Broadcast)
            {
                _arms.ForEach(arm => arm.HasBarrier = true);
            }

            foreach (string line in _statements.Of(instruction))
            {
                Line(line);
            }
        }

        switch (block.Terminator)
        {
            case Goto only:
                Jump(only.Target, next);
                break;
            case Branch branch:
                Branch(branch, next);
                break;
            default:
                if (next is not null)
                {
                    _arms.ForEach(arm => arm.IsLeft = true);
                    Line("return;");
                }

                break;
        }
    }

    private void Branch(Branch branch, IrBlock? next)
    {
        string condition = _values.Name(branch.Condition);
        if (Leaves(branch.IfTrue, next))
        {
            _work.Push(() => Jump(branch.IfFalse, next));
            OpenArm($"if ({condition})", branch.IfTrue, next);
        }
        else if (Leaves(branch.IfFalse, next) || IsEmpty(branch.IfTrue, next))
        {
            _work.Push(() => Jump(branch.IfTrue, next));
            OpenArm($"if (!{condition})", branch.IfFalse, next);
        }
        else
        {
            if (!IsEmpty(branch.IfFalse, next))
            {
                _work.Push(() => OpenArm("else", branch.IfFalse, next));
            }

            OpenArm($"if ({condition})", branch.IfTrue, next);
        }
    }

    private void OpenArm(string head, Jump jump, IrBlock? next)
    {
        var arm = new Arm(_loops.Count);
        _arms.Add(arm);
        Line(head);
        Open();
        _work.Push(() =>
        {
            _arms.RemoveAt(_arms.Count - 1);

            // all lanes have come here or none, since none could leave between the barrier and here
            if (_capabilities.ClosesBranches && arm.HasBarrier && !arm.IsLeft)
            {
                Line("barrier(CLK_LOCAL_MEM_FENCE);");
            }

            Close();
        });
        _work.Push(() => Jump(jump, next));
    }

    /// <summary>Whether a jump goes elsewhere than to what follows, without anything to write in its place.</summary>
    private bool Leaves(Jump jump, IrBlock? next) => jump.Block != next && !StandsHere(jump.Block);

    /// <summary>Whether there is nothing to write for a jump.</summary>
    private static bool IsEmpty(Jump jump, IrBlock? next) =>
        (jump.Block == next && jump.Block.Parameters.SequenceEqual(jump.Arguments)) || (next is null && IsEnd(jump.Block));

    // a loop that stands where the jump to it is has further jumps from within, back to its beginning
    private bool StandsHere(IrBlock target) => _structure.IsInline(target) && !_begun.Contains(target);

    private void Jump(Jump jump, IrBlock? next)
    {
        foreach (string line in _statements.Copies(jump))
        {
            Line(line);
        }

        IrBlock target = jump.Block;
        if (StandsHere(target))
        {
            Block(target, next);
        }
        else if (target != next)
        {
            Line(Way(target));
        }
    }

    private string Way(IrBlock target)
    {
        if (_loops.TryPeek(out var loop) && (target == loop.Header || target == loop.Behind))
        {
            _arms.ForEach(arm => arm.IsLeft |= arm.Loops == _loops.Count);
            return target == loop.Header ? "continue;" : "break;";
        }

        _arms.ForEach(arm => arm.IsLeft = true);
        _usedLabels.Add($"@{_labels[target]}");
        return $"goto {_labels[target]};";
    }

    private static bool IsEnd(IrBlock block) => block.Instructions.Count == 0 && block.Terminator is Return;

    private void Open()
    {
        Line("{");
        _indent++;
    }

    private void Close()
    {
        _indent--;
        Line("}");
    }

    private void Line(string text) => _body.Append(' ', 4 * _indent).Append(text).Append('\n');

    /// <summary>One way of a branch while it is written.</summary>
    private sealed class Arm(int loops)
    {
        /// <summary>The loops that it stands in.</summary>
        public int Loops { get; } = loops;

        /// <summary>Whether lanes wait for one another in it.</summary>
        public bool HasBarrier { get; set; }

        /// <summary>Whether a lane can leave it elsewhere than at its end.</summary>
        public bool IsLeft { get; set; }
    }
}
