using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Builds a function by hand, block after block.</summary>
internal sealed class IrSketch
{
    private readonly SourcePoint _source;
    private IrBlock _block = new();

    public IrSketch(string name, params IrType[] parameters)
    {
        Function = new IrFunction(name);
        for (int i = 0; i < parameters.Length; i++)
        {
            Function.Parameters.Add(new IrParameter($"p{i}", parameters[i], i));
        }

        Function.Blocks.Add(_block);
        _source = new SourcePoint(null, 0);
    }

    public static IrType Global => IrType.Pointer(AddressSpace.Global);

    public IrFunction Function { get; }

    public static IrBlock Block(params IrType[] parameters)
    {
        var block = new IrBlock();
        block.Parameters.AddRange(parameters.Select(type => new BlockParameter(block, type)));
        return block;
    }

    public Instruction Add(Op op, IrType type, params IrValue[] operands) => Add(op, type, 0, operands);

    public Instruction Add(Op op, IrType type, long immediate, params IrValue[] operands) => Add(op, type, immediate, _source, operands);

    public Instruction Add(Op op, IrType type, long immediate, SourcePoint source, params IrValue[] operands)
    {
        var instruction = new Instruction(op, type, operands, immediate, source);
        _block.Instructions.Add(instruction);
        return instruction;
    }

    public Instruction Constant(IrType type, long bits) => Add(Op.Constant, type, bits);

    public Instruction Single(float value) => Constant(IrType.F32, BitConverter.SingleToInt32Bits(value));

    public Instruction Parameter(int index) => Add(Op.Parameter, Function.Parameters[index].Type, index);

    /// <summary>The address so many bytes further.</summary>
    public Instruction At(IrValue pointer, long bytes) => Add(Op.Offset, pointer.Type, pointer, Constant(IrType.I64, bytes));

    public Instruction Load(IrType type, IrValue pointer, int alignment) => Add(Op.Load, type, alignment, pointer);

    public void Store(IrValue pointer, IrValue value, int alignment) => Add(Op.Store, IrType.Void, alignment, pointer, value);

    public void Goto(IrBlock block, params IrValue[] arguments) => End(new Goto(new Jump(block, arguments)), block);

    public void Branch(IrValue condition, Jump ifTrue, Jump ifFalse) => _block.Terminator = new Branch(condition, ifTrue, ifFalse);

    public void Enter(IrBlock block)
    {
        Function.Blocks.Add(block);
        _block = block;
    }

    /// <summary>The function, checked.</summary>
    public IrFunction Return()
    {
        _block.Terminator = new Return();
        IrVerifier.Check(Function, "the test");
        return Function;
    }

    private void End(Terminator terminator, IrBlock next)
    {
        _block.Terminator = terminator;
        Enter(next);
    }
}
