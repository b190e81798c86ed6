using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>The values of a function in OpenCL C: what they are called and where they are declared.</summary>
internal sealed class OpenClValues
{
    private readonly IrFunction _function;
    private readonly Dictionary<IrValue, string> _names = [];

    // constants and the like are written where they are used; they have no variable
    private readonly HashSet<IrValue> _written = [];

    // values that other blocks use are declared at the head of the kernel, since no scope but its own is sure to hold them all
    private readonly HashSet<IrValue> _hoisted = [];
    private readonly List<string> _allocations = [];

    public OpenClValues(IrFunction function, OpenClCapabilities capabilities)
    {
        _function = function;
        var homes = new Dictionary<IrValue, IrBlock>();
        foreach (IrBlock block in function.Blocks)
        {
            foreach (BlockParameter parameter in block.Parameters)
            {
                _names.Add(parameter, $"v{_names.Count}");
                _hoisted.Add(parameter);
            }

            foreach (Instruction instruction in block.Instructions.Where(instruction => instruction.Type.Kind != IrKind.Void))
            {
                string? text = Written(instruction, capabilities);
                _names.Add(instruction, text ?? $"v{_names.Count}");
                if (text is null)
                {
                    homes.Add(instruction, block);
                }
                else
                {
                    _written.Add(instruction);
                }
            }
        }

        foreach (IrBlock block in function.Blocks)
        {
            var used = block.Instructions.SelectMany(instruction => instruction.Operands)
                .Concat(block.Successors.SelectMany(jump => jump.Arguments))
                .Concat(block.Terminator is Branch branch ? [branch.Condition] : []);
            _hoisted.UnionWith(used.Where(value => homes.TryGetValue(value, out IrBlock? home) && home != block));
        }
    }

    /// <summary>Whether there is a pointer to the dynamic shared memory.</summary>
    public bool UsesDynamicShared { get; private set; }

    /// <summary>Whether the size of the dynamic shared memory is asked for.</summary>
    public bool UsesDynamicBytes { get; private set; }

    /// <summary>Bytes of local memory that the kernel declares.</summary>
    public int StaticSharedBytes { get; private set; }

    /// <summary>A value as an expression.</summary>
    public string Name(IrValue value) => _names[value];

    /// <summary>Whether a value is written where it is used, so that no statement makes it.</summary>
    public bool IsWritten(IrValue value) => _written.Contains(value);

    /// <summary>The statement that gives a value its variable.</summary>
    public string Assign(Instruction instruction, string expression) => _hoisted.Contains(instruction)
        ? $"{_names[instruction]} = {expression};"
        : $"{OpenClTypes.Name(instruction.Type)} {_names[instruction]} = {expression};";

    /// <summary>The kernel's parameters that are the function's.</summary>
    public IEnumerable<string> Parameters()
    {
        for (int i = 0; i < _function.Parameters.Count; i++)
        {
            IrType type = _function.Parameters[i].Type;
            yield return type.IsPointer ? $"__global uchar* base{i}, long offset{i}"
                : type.Kind == IrKind.I1 ? $"uchar byte{i}"
                : $"{OpenClTypes.Name(type)} p{i}";
        }
    }

    /// <summary>What stands at the head of the kernel: addresses, allocations, values that several blocks use.</summary>
    public IEnumerable<string> Declarations()
    {
        for (int i = 0; i < _function.Parameters.Count; i++)
        {
            IrType type = _function.Parameters[i].Type;
            if (type.IsPointer)
            {
                yield return $"__global uchar* const p{i} = base{i} + offset{i};";
            }
            else if (type.Kind == IrKind.I1)
            {
                yield return $"const bool p{i} = byte{i} != 0;";
            }
        }

        foreach (string allocation in _allocations)
        {
            yield return allocation;
        }

        foreach (IrValue value in _hoisted)
        {
            yield return $"{OpenClTypes.Name(value.Type)} {_names[value]};";
        }
    }

    private string? Written(Instruction instruction, OpenClCapabilities capabilities) => instruction.Op switch
    {
        Op.Constant => OpenClTypes.Constant(instruction.Type, instruction.Immediate),
        Op.Undefined => $"(({OpenClTypes.Name(instruction.Type)})(0))",
        Op.Parameter => $"p{instruction.Immediate}",
        Op.BuiltIn => BuiltInText((BuiltIn)instruction.Immediate, capabilities),
        Op.AllocateShared => Allocate("__local", "shared", instruction.Immediate),
        Op.AllocateLocal => Allocate("__private", "local", instruction.Immediate),
        Op.DynamicShared => Dynamic(),
        _ => null,
    };

    private string BuiltInText(BuiltIn builtIn, OpenClCapabilities capabilities)
    {
        UsesDynamicBytes |= builtIn == BuiltIn.DynamicSharedBytes;
        return builtIn switch
        {
            <= BuiltIn.LaneZ => $"(uint)get_local_id({builtIn - BuiltIn.LaneX})",
            <= BuiltIn.GroupDimZ => $"(uint)get_local_size({builtIn - BuiltIn.GroupDimX})",
            <= BuiltIn.GroupZ => $"(uint)get_group_id({builtIn - BuiltIn.GroupX})",
            <= BuiltIn.GridDimZ => $"(uint)get_num_groups({builtIn - BuiltIn.GridDimX})",
            BuiltIn.WarpSize => string.Create(CultureInfo.InvariantCulture, $"{capabilities.WarpSize}u"),
            _ => "dynamicBytes",
        };
    }

    private string Allocate(string space, string name, long bytes)
    {
        long size = Math.Max(bytes, 1);
        StaticSharedBytes += space == "__local" ? checked((int)size) : 0;
        name = $"{name}{_allocations.Count}";
        _allocations.Add(string.Create(CultureInfo.InvariantCulture, $"{space} uchar {name}[{size}] __attribute__((aligned(16)));"));
        return name;
    }

    private string Dynamic()
    {
        UsesDynamicShared = true;
        return "((__local uchar*)dynamic)";
    }
}
