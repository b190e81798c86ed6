using System.Buffers.Binary;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit;

/// <summary>
/// Runs IR by its written meaning, lane after lane, in plain C#: kernels without barriers and exchanges. Memory is byte arrays, so
/// an address outside them is an exception. Shares no code with the compiler beyond the IR's own types.
/// </summary>
internal sealed class IrInterpreter
{
    private const int MaxSteps = 10_000_000;

    private readonly IrFunction _function;
    private readonly Cell[] _arguments;
    private readonly KernelConfig _config;
    private readonly Dictionary<Instruction, byte[]> _shared = [];
    private readonly byte[] _dynamicShared;

    private IrInterpreter(IrFunction function, Cell[] arguments, KernelConfig config)
    {
        _function = function;
        _arguments = arguments;
        _config = config;
        _dynamicShared = new byte[config.SharedMemoryConfig.ArraySize];
    }

    /// <summary>A value: an integer sign-extended, the bits of a float, or an offset into memory.</summary>
    public readonly record struct Cell(long Bits, byte[]? Memory = null);

    /// <summary>Runs every lane of a launch.</summary>
    public static void Run(IrFunction function, KernelConfig config, params Cell[] arguments)
    {
        for (int group = 0; group < config.GridDim.Size; group++)
        {
            var interpreter = new IrInterpreter(function, arguments, config);
            for (int lane = 0; lane < config.GroupDim.Size; lane++)
            {
                interpreter.RunLane(Split(group, config.GridDim), Split(lane, config.GroupDim));
            }
        }
    }

    private static (int X, int Y, int Z) Split(int index, Index3D extent) =>
        (index % extent.X, index / extent.X % extent.Y, index / extent.X / extent.Y);

    private void RunLane((int X, int Y, int Z) group, (int X, int Y, int Z) lane)
    {
        var values = new Dictionary<IrValue, Cell>();
        var local = new Dictionary<Instruction, byte[]>();
        IrBlock? block = _function.Entry;
        for (int steps = 0; block is not null; steps++)
        {
            Assert.That(steps, Is.LessThan(MaxSteps), "the lane does not end");
            foreach (Instruction instruction in block.Instructions)
            {
                Cell[] operands = [.. instruction.Operands.Select(operand => values[operand])];
                values[instruction] = instruction.Op switch
                {
                    Op.BuiltIn => new(Place((BuiltIn)instruction.Immediate, group, lane)),
                    Op.AllocateLocal => new(0, Memory(local, instruction)),
                    _ => Step(instruction, operands),
                };
            }

            Jump? jump = block.Terminator switch
            {
                Goto only => only.Target,
                Branch branch => values[branch.Condition].Bits != 0 ? branch.IfTrue : branch.IfFalse,
                _ => null,
            };
            if (jump is not null)
            {
                Cell[] passed = [.. jump.Arguments.Select(argument => values[argument])];
                for (int i = 0; i < passed.Length; i++)
                {
                    values[jump.Block.Parameters[i]] = passed[i];
                }
            }

            block = jump?.Block;
        }
    }

    private int Place(BuiltIn which, (int X, int Y, int Z) group, (int X, int Y, int Z) lane) => which switch
    {
        BuiltIn.LaneX => lane.X,
        BuiltIn.LaneY => lane.Y,
        BuiltIn.LaneZ => lane.Z,
        BuiltIn.GroupDimX => _config.GroupDim.X,
        BuiltIn.GroupDimY => _config.GroupDim.Y,
        BuiltIn.GroupDimZ => _config.GroupDim.Z,
        BuiltIn.GroupX => group.X,
        BuiltIn.GroupY => group.Y,
        BuiltIn.GroupZ => group.Z,
        BuiltIn.GridDimX => _config.GridDim.X,
        BuiltIn.GridDimY => _config.GridDim.Y,
        BuiltIn.GridDimZ => _config.GridDim.Z,
        BuiltIn.DynamicSharedBytes => _dynamicShared.Length,
        _ => throw new NotSupportedException($"{which} in the interpreter"),
    };

    private Cell Step(Instruction instruction, Cell[] operands)
    {
        IrType type = instruction.Type;
        switch (instruction.Op)
        {
            case Op.Constant:
                return new(instruction.Immediate);
            case Op.Undefined:
                return new(unchecked((long)0xDEAD_BEEF_DEAD_BEEF));
            case Op.Parameter:
                return _arguments[instruction.Immediate];
            case Op.AllocateShared:
                return new(0, Memory(_shared, instruction));
            case Op.DynamicShared:
                return new(0, _dynamicShared);
            case Op.Offset:
                return operands[0] with { Bits = operands[0].Bits + operands[1].Bits };
            case Op.Load:
                return new(Load(operands[0], type));
            case Op.Store:
                Store(operands[0], instruction.Operands[1].Type, operands[1].Bits);
                return default;
            case Op.Atomic:
                long before = Load(operands[0], type);
                Store(operands[0], type, Combine((AtomicOp)instruction.Immediate, type, before, operands[1].Bits));
                return new(before);
            case Op.CompareExchange:
                long found = Load(operands[0], type);
                Store(operands[0], type, found == operands[1].Bits ? operands[2].Bits : found);
                return new(found);
            case Op.Fence:
                return default;
            case Op.Select:
                return operands[0].Bits != 0 ? operands[1] : operands[2];
            default:
                IrType from = instruction.Operands[0].Type;
                return new(IrArithmetic.Compute(instruction.Op, from, type, [.. operands.Select(operand => operand.Bits)]));
        }
    }

    private static long Combine(AtomicOp op, IrType type, long before, long operand) => op switch
    {
        AtomicOp.Add => IrArithmetic.Compute(Op.Add, type, type, [before, operand]),
        AtomicOp.Min => IrArithmetic.Compute(Op.Min, type, type, [before, operand]),
        AtomicOp.MinU => IrArithmetic.Compute(Op.MinU, type, type, [before, operand]),
        AtomicOp.Max => IrArithmetic.Compute(Op.Max, type, type, [before, operand]),
        AtomicOp.MaxU => IrArithmetic.Compute(Op.MaxU, type, type, [before, operand]),
        AtomicOp.And => before & operand,
        AtomicOp.Or => before | operand,
        AtomicOp.Xor => before ^ operand,
        _ => operand,
    };

    private static byte[] Memory(Dictionary<Instruction, byte[]> memory, Instruction instruction)
    {
        if (!memory.TryGetValue(instruction, out byte[]? bytes))
        {
            bytes = new byte[instruction.Immediate];
            memory.Add(instruction, bytes);
        }

        return bytes;
    }

    private static long Load(Cell address, IrType type)
    {
        var bytes = address.Memory.AsSpan((int)address.Bits, type.Bytes);
        return type.ScalarBits switch
        {
            8 => (sbyte)bytes[0],
            16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        };
    }

    private static void Store(Cell address, IrType type, long bits)
    {
        Span<byte> all = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(all, bits);
        all[..type.Bytes].CopyTo(address.Memory.AsSpan((int)address.Bits, type.Bytes));
    }
}
