using System.Reflection;
using System.Reflection.Metadata;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>
/// Builds one call of a method into the kernel: goes through its blocks in reverse postorder and through the instructions of each
/// with an evaluation stack of values. What cannot be reached since a condition is constant is left out.
/// </summary>
internal sealed class MethodTranslator
{
    private readonly Compilation _compilation;
    private readonly Frame _frame;
    private readonly InstructionTranslator _instructions;
    private readonly Dictionary<IlBlock, SsaBlock> _blocks = [];
    private readonly Dictionary<IlBlock, Type[]> _waitingTypes = [];
    private readonly List<StackValue> _stack = [];
    private readonly List<(SsaBlock Block, StackValue Value)> _returns = [];

    public MethodTranslator(Compilation compilation, Frame frame)
    {
        _compilation = compilation;
        _frame = frame;
        _instructions = new(compilation, frame, _stack);
    }

    private Emitter Emit => _compilation.Emit;

    /// <summary>
    /// Builds the method into the current block and leaves the current block where its caller goes on.
    /// Returns what the method returns, with no parts for void; null if it never returns.
    /// </summary>
    public StackValue? Translate()
    {
        Start();
        foreach (IlBlock block in _frame.Il.Order)
        {
            if (_blocks.TryGetValue(block, out SsaBlock? ssa))
            {
                if (ssa != Emit.Block)
                {
                    _compilation.Begin(ssa);
                }

                Translate(block);
            }

            foreach (IlBlock head in _frame.Il.Order.Where(head => head.LastBackEdge == block.Position && _blocks.ContainsKey(head)))
            {
                _compilation.Ssa.Close(_blocks[head]);
            }
        }

        return Join();
    }

    private void Start()
    {
        IlBlock first = _frame.Il.Order[0];
        if (first.LastBackEdge < 0)
        {
            _blocks.Add(first, Emit.Block);
            _waitingTypes.Add(first, []);
        }
        else
        {
            Emit.Block.Block.Terminator = new Goto(JumpTo(first));
        }
    }

    private void Translate(IlBlock block)
    {
        RefuseThrow(block);
        _stack.Clear();
        Type[] waiting = _waitingTypes[block];
        for (int depth = 0; depth < waiting.Length; depth++)
        {
            IrValue Part(Leaf leaf, int index) => _compilation.Ssa.Read(Emit.Block, _frame.Waiting(depth, index, leaf.Stack));
            _stack.Add(new(waiting[depth], [.. _compilation.Shape(waiting[depth]).Leaves.Select(Part)]));
        }

        for (int i = block.First; i < block.End; i++)
        {
            IlInstruction instruction = _frame.Il.Instructions[i];
            Emit.Source = _frame.Lines.At(instruction.Offset) ?? Emit.Source;
            if (i == block.End - 1 && Leave(instruction, block))
            {
                return;
            }

            ILOpCode next = i + 1 < block.End ? _frame.Il.Instructions[i + 1].Code : ILOpCode.Nop;
            if (!_instructions.Translate(instruction, next))
            {
                return;
            }
        }

        Emit.Block.Block.Terminator = new Goto(JumpTo(block.Successors[0]));
    }

    // before the exception's message would be refused as a string
    private void RefuseThrow(IlBlock block)
    {
        IlInstruction last = _frame.Il.Instructions[block.End - 1];
        if (last.Code is ILOpCode.Throw or ILOpCode.Rethrow)
        {
            Emit.Source = _frame.Lines.At(last.Offset) ?? Emit.Source;
            IlInstruction before = _frame.Il.Instructions[Math.Max(block.First, block.End - 2)];
            throw _compilation.Error(
                JitError.Throw, before.Code == ILOpCode.Newobj ? _frame.ResolveMethod(before.Operand).DeclaringType!.Name : "an exception");
        }
    }

    // the instruction that ends a block, if it does more than go on with the next
    private bool Leave(IlInstruction instruction, IlBlock block)
    {
        switch (instruction.Code)
        {
            case ILOpCode.Ret:
                Return();
                return true;
            case ILOpCode.Br or ILOpCode.Br_s:
                Emit.Block.Block.Terminator = new Goto(JumpTo(block.Successors[0]));
                return true;
            case ILOpCode.Switch:
                Switch(instruction, block);
                return true;
        }

        if (!instruction.Code.IsBranch())
        {
            return false;
        }

        if (_instructions.Condition(instruction.Code) is not { } condition)
        {
            throw _compilation.Error(JitError.UnsupportedInstruction, instruction.Code.ToString());
        }

        Branch(condition, block.Successors[0], block.Successors[1]);
        return true;
    }

    private void Branch(IrValue condition, IlBlock ifTrue, IlBlock ifFalse)
    {
        SsaBlock from = Emit.Block;
        from.Block.Terminator = Emitter.Known(condition) is { } known ? new Goto(JumpTo(known != 0 ? ifTrue : ifFalse))
            : ifTrue == ifFalse ? new Goto(JumpTo(ifTrue))
            : new Branch(condition, JumpTo(ifTrue), JumpTo(ifFalse));
    }

    // one comparison after the other
    private void Switch(IlInstruction instruction, IlBlock block)
    {
        IrValue value = _instructions.Pop().Scalar;
        for (int i = 0; i < instruction.Targets.Length; i++)
        {
            IrValue condition = Emit.Compare(Op.Eq, value, Emit.Constant(value.Type, i));
            if (Emitter.Known(condition) is { } known)
            {
                if (known == 0)
                {
                    continue;
                }

                Emit.Block.Block.Terminator = new Goto(JumpTo(block.Successors[i]));
                return;
            }

            var otherwise = new SsaBlock();
            Emit.Block.Block.Terminator = new Branch(condition, JumpTo(block.Successors[i]), SsaBuilder.Connect(Emit.Block, otherwise));
            _compilation.Begin(otherwise);
        }

        Emit.Block.Block.Terminator = new Goto(JumpTo(block.Successors[^1]));
    }

    private Jump JumpTo(IlBlock target)
    {
        for (int depth = 0; depth < _stack.Count; depth++)
        {
            for (int leaf = 0; leaf < _stack[depth].Parts.Length; leaf++)
            {
                IrValue part = _stack[depth].Parts[leaf];
                IrType type = part.Type.IsPointer ? IrType.Pointer(AddressSpace.Generic) : part.Type;
                SsaBuilder.Write(Emit.Block, _frame.Waiting(depth, leaf, type), part);
            }
        }

        if (!_blocks.TryGetValue(target, out SsaBlock? block))
        {
            block = new();
            if (target.LastBackEdge >= 0)
            {
                block.MayChange = variable => _frame.MayChange(target, variable);
            }

            _blocks.Add(target, block);
            _waitingTypes.Add(target, [.. _stack.Select(value => value.Type)]);
        }

        return SsaBuilder.Connect(Emit.Block, block);
    }

    private void Return()
    {
        Type type = ReturnType;
        StackValue value = type == typeof(void) ? new(type, []) : _compilation.Memory.Coerce(_instructions.Pop(), _compilation.Shape(type));
        _returns.Add((Emit.Block, value));
    }

    private Type ReturnType => _frame.Method is MethodInfo { ReturnType: var type } ? type : typeof(void);

    private StackValue? Join()
    {
        if (_returns.Count == 0)
        {
            return null;
        }

        if (_returns.Count == 1)
        {
            Emit.Block = _returns[0].Block;
            return _returns[0].Value;
        }

        var after = new SsaBlock();
        Variable[] result = [.. _returns[0].Value.Parts.Select(part =>
            part.Type.IsPointer ? IrType.Pointer(AddressSpace.Generic) : part.Type).Select(type => new Variable(type, false, type))];
        foreach ((SsaBlock from, StackValue value) in _returns)
        {
            for (int i = 0; i < result.Length; i++)
            {
                SsaBuilder.Write(from, result[i], value.Parts[i]);
            }

            from.Block.Terminator = new Goto(SsaBuilder.Connect(from, after));
        }

        _compilation.Begin(after);
        return new(ReturnType, [.. result.Select(variable => _compilation.Ssa.Read(after, variable))]);
    }
}
