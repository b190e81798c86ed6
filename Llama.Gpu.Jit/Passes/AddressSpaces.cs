using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Passes;

/// <summary>
/// Finds out into which memory every pointer points. Pointers that are made of one another, or chosen between, point into the same;
/// one with no memory behind it fits any.
/// </summary>
internal sealed class AddressSpaces
{
    private readonly IrFunction _function;
    private readonly Dictionary<IrValue, IrValue> _parent = [];
    private readonly Dictionary<IrValue, AddressSpace> _space = [];

    private AddressSpaces(IrFunction function) => _function = function;

    /// <exception cref="KernelCompilationException">A pointer may point into different memories, or nowhere where it is used.</exception>
    public static void Run(IrFunction function, PassOptions options)
    {
        bool generic = function.Instructions.Concat<IrValue>(function.Blocks.SelectMany(block => block.Parameters)).Any(IsGeneric);
        if (generic)
        {
            var pass = new AddressSpaces(function);
            pass.Connect();
            pass.Assign();
        }
    }

    private static bool IsGeneric(IrValue value) => value.Type.IsPointer && value.Type.Space == AddressSpace.Generic;

    // no memory behind it: a view that was never set, or one made of a number
    private static bool FitsAny(IrValue value) => IsGeneric(value) && value is Instruction { Op: Op.Undefined or Op.Bitcast };

    private void Connect()
    {
        foreach (IrBlock block in _function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                foreach ((IrValue first, IrValue second) in Pairs(instruction))
                {
                    Join(first, second, instruction.Source);
                }
            }

            foreach (Jump jump in block.Successors)
            {
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    Join(jump.Block.Parameters[i], jump.Arguments[i], LastLine(block));
                }
            }
        }
    }

    private static SourcePoint LastLine(IrBlock block) => block.Instructions.Count > 0 ? block.Instructions[^1].Source : default;

    private static (IrValue First, IrValue Second)[] Pairs(Instruction instruction)
    {
        IrValue[] operands = instruction.Operands;
        return instruction.Op switch
        {
            Op.Offset => [(instruction, operands[0])],
            Op.Select => [(instruction, operands[1]), (instruction, operands[2])],
            Op.Eq or Op.Ne or Op.Lt or Op.Le or Op.LtU or Op.LeU => [(operands[0], operands[1])],
            _ => [],
        };
    }

    private void Join(IrValue first, IrValue second, SourcePoint source)
    {
        if (!first.Type.IsPointer || FitsAny(first) || FitsAny(second))
        {
            return;
        }

        IrValue a = Root(first);
        IrValue b = Root(second);
        AddressSpace spaceA = Space(a);
        AddressSpace spaceB = Space(b);
        if (spaceA != AddressSpace.Generic && spaceB != AddressSpace.Generic && spaceA != spaceB)
        {
            string spaces = $"{spaceA.ToString().ToLowerInvariant()} or in {spaceB.ToString().ToLowerInvariant()}";
            throw JitError.MixedSpaces.At(_function.Name, source, spaces);
        }

        _parent[a] = b;
        _space[b] = spaceA == AddressSpace.Generic ? spaceB : spaceA;
    }

    private IrValue Root(IrValue value)
    {
        IrValue root = value;
        while (_parent.TryGetValue(root, out IrValue? parent) && parent != root)
        {
            root = parent;
        }

        while (_parent.TryGetValue(value, out IrValue? parent) && parent != root && parent != value)
        {
            _parent[value] = root;
            value = parent;
        }

        return root;
    }

    private AddressSpace Space(IrValue root) => _space.GetValueOrDefault(root, root.Type.Space);

    private void Assign()
    {
        foreach (IrBlock block in _function.Blocks)
        {
            foreach (IrValue value in block.Parameters.Concat<IrValue>(block.Instructions).Where(value => IsGeneric(value) && !FitsAny(value)))
            {
                // what is still unknown points nowhere; it is refused below where it is used
                AddressSpace space = Space(Root(value));
                value.Type = IrType.Pointer(space);
            }
        }

        foreach (IrBlock block in _function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions.ToArray())
            {
                foreach ((IrValue first, IrValue second) in Pairs(instruction))
                {
                    Fit(instruction.Operands, second, first.Type, block);
                    Fit(instruction.Operands, first, second.Type, block);
                }

                RefuseAccess(instruction);
            }

            foreach (Jump jump in block.Successors)
            {
                for (int i = 0; i < jump.Arguments.Length; i++)
                {
                    Fit(jump.Arguments, jump.Arguments[i], jump.Block.Parameters[i].Type, block);
                }
            }
        }

        // what nothing asked about may stay anything: it is given a type that every backend has
        foreach (IrValue value in _function.Instructions.Concat<IrValue>(_function.Blocks.SelectMany(block => block.Parameters)).Where(IsGeneric))
        {
            value.Type = IrType.Pointer(AddressSpace.Global);
        }
    }

    // a pointer that fits any memory gets an edition of the type that is wanted
    private static void Fit(IrValue[] uses, IrValue value, IrType type, IrBlock block)
    {
        if (!FitsAny(value) || !type.IsPointer || type == value.Type || value is not Instruction instruction)
        {
            return;
        }

        int index = Array.IndexOf(uses, value);
        if (index < 0)
        {
            return;
        }

        var edition = new Instruction(instruction.Op, type, [.. instruction.Operands], instruction.Immediate, instruction.Source);
        int user = block.Instructions.FindIndex(other => other.Operands == uses);
        block.Instructions.Insert(user < 0 ? block.Instructions.Count : user, edition);
        uses[index] = edition;
    }

    private void RefuseAccess(Instruction instruction)
    {
        if (instruction.Op is Op.Load or Op.Store or Op.Prefetch or Op.Atomic or Op.CompareExchange && IsGeneric(instruction.Operands[0]))
        {
            throw JitError.NoMemory.At(_function.Name, instruction.Source, "an element of a view");
        }

        if (TensorIntrinsics.WrongMemory(instruction) is { } wrong)
        {
            throw JitError.WrongMemory.At(_function.Name, instruction.Source, wrong);
        }
    }
}
