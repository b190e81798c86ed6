using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Tests.Jit;

/// <summary>Writes functions instruction by instruction, for tests of passes and backends.</summary>
internal sealed class IrBuilder
{
    public IrBuilder(string name)
    {
        Function = new IrFunction(name);
        Block = NewBlock();
    }

    public IrFunction Function { get; }

    /// <summary>Where the next instruction goes.</summary>
    public IrBlock Block { get; set; }

    public IrBlock NewBlock(params IrType[] parameters)
    {
        var block = new IrBlock();
        block.Parameters.AddRange(parameters.Select(type => new BlockParameter(block, type)));
        Function.Blocks.Add(block);
        return block;
    }

    public IrValue Pointer(string name) => Parameter(name, IrType.Pointer(AddressSpace.Global));

    public IrValue Parameter(string name, IrType type)
    {
        Function.Parameters.Add(new(name, type, Function.Parameters.Count));
        return Add(Op.Parameter, type, Function.Parameters.Count - 1);
    }

    public IrValue Constant(IrType type, long bits) => Add(Op.Constant, type, bits);

    public IrValue BuiltIn(BuiltIn builtIn) => Add(Op.BuiltIn, IrType.I32, (long)builtIn);

    public IrValue Add(Op op, IrType type, params IrValue[] operands) => Add(op, type, 0, operands);

    public IrValue Add(Op op, IrType type, long immediate, params IrValue[] operands)
    {
        var instruction = new Instruction(op, type, operands, immediate, default);
        Block.Instructions.Add(instruction);
        return instruction;
    }

    /// <summary>The address of element <paramref name="index"/> (i32) of a type.</summary>
    public IrValue Element(IrValue pointer, IrType type, IrValue index)
    {
        IrValue wide = Add(Op.SignExtend, IrType.I64, index);
        return Add(Op.Offset, pointer.Type, pointer, Add(Op.Mul, IrType.I64, wide, Constant(IrType.I64, type.Bytes)));
    }

    public IrValue Load(IrValue address, IrType type) => Add(Op.Load, type, type.Bytes, address);

    public void Store(IrValue address, IrValue value) => Add(Op.Store, IrType.Void, value.Type.Bytes, address, value);

    /// <summary>The linear index of the lane in a launch of one dimension.</summary>
    public IrValue GlobalIndex()
    {
        IrValue group = BuiltIn(Llama.Gpu.Jit.Ir.BuiltIn.GroupX);
        IrValue first = Add(Op.Mul, IrType.I32, group, BuiltIn(Llama.Gpu.Jit.Ir.BuiltIn.GroupDimX));
        return Add(Op.Add, IrType.I32, first, BuiltIn(Llama.Gpu.Jit.Ir.BuiltIn.LaneX));
    }

    public void Goto(IrBlock block, params IrValue[] arguments) => Block.Terminator = new Goto(new Jump(block, arguments));

    public void Branch(IrValue condition, IrBlock ifTrue, IrBlock ifFalse) =>
        Block.Terminator = new Branch(condition, new Jump(ifTrue), new Jump(ifFalse));

    public IrFunction Return()
    {
        Block.Terminator = new Return();
        IrVerifier.Check(Function, "the test");
        return Function;
    }
}
