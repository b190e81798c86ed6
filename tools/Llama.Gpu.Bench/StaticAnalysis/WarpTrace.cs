using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>
/// Follows the addresses that a warp reads and writes through a kernel, instruction by instruction, as its lanes go together. Integers and
/// truth values are computed; whatever floats and other lanes hold counts as 0, and so does memory but for the integers that the launch is
/// recorded with. So the accesses are those of a launch as long as other data does not choose them. Lanes that part go on together where their ways meet: of the blocks that lanes stand before, the one that
/// comes first in the flow of control runs next.
/// </summary>
internal sealed class WarpTrace
{
    private const int Lanes = 32;
    private const int ArrayAlignment = 16;
    private const int ChunkBytes = 16;
    private const int RowChunks = SwizzledTile.RowBytes / ChunkBytes;
    private const int MatrixRows = 16;
    private const int WarpsOfGroup = 4;

    private readonly IrFunction _function;
    private readonly RecordedLaunch _launch;
    private readonly int _warp;
    private readonly Action<Instruction, AddressSpace, WarpAccess> _note;
    private readonly IrBlock[] _blocks;
    private readonly Dictionary<IrBlock, int> _order;
    private readonly Dictionary<IrValue, long[]> _values = [];
    private readonly Dictionary<IrBlock, Step[]> _steps;
    private readonly Dictionary<Instruction, long> _arrays = [];
    private readonly long _dynamicShared;

    private WarpTrace(IrFunction function, RecordedLaunch launch, int warp, Action<Instruction, AddressSpace, WarpAccess> note)
    {
        (_function, _launch, _warp, _note) = (function, launch, warp, note);
        _blocks = [.. new Dominators(function).ReversePostorder];
        _order = _blocks.Select((block, i) => (block, i)).ToDictionary(pair => pair.block, pair => pair.i);
        foreach (Instruction array in function.Instructions.Where(instruction => instruction.Op is Op.AllocateShared or Op.AllocateLocal))
        {
            _arrays.Add(array, _dynamicShared);
            _dynamicShared += array.Op == Op.AllocateShared ? (array.Immediate + ArrayAlignment - 1) / ArrayAlignment * ArrayAlignment : 0;
        }

        _steps = _blocks.ToDictionary(block => block, block => block.Instructions.Select(MakeStep).ToArray());
    }

    /// <summary>Follows a warp of the first group.</summary>
    /// <param name="function">The kernel, ready to be emitted.</param>
    /// <param name="launch">A launch of it.</param>
    /// <param name="warp">The warp's number in its group.</param>
    /// <param name="instructions">After so many it is left where it stands.</param>
    /// <param name="note">Called at each access of shared or global memory.</param>
    public static void Run(IrFunction function, RecordedLaunch launch, int warp, int instructions, Action<Instruction, AddressSpace, WarpAccess> note) =>
        new WarpTrace(function, launch, warp, note).Run(instructions);

    private void Run(int instructions)
    {
        const int Done = int.MaxValue;
        int[] standsAt = [.. Enumerable.Range(0, Lanes).Select(lane => (_warp * Lanes) + lane < _launch.Group.Size ? 0 : Done)];
        var active = new bool[Lanes];
        while (instructions > 0 && standsAt.Min() is var first && first != Done)
        {
            IrBlock block = _blocks[first];
            for (int lane = 0; lane < Lanes; lane++)
            {
                active[lane] = standsAt[lane] == first;
            }

            foreach (Step step in _steps[block])
            {
                instructions--;
                Evaluate(step, active);
            }

            Jump? goesOn = (block.Terminator as Goto)?.Target;
            var branch = block.Terminator as Branch;
            var passed = new List<(BlockParameter Parameter, int Lane, long Value)>();
            for (int lane = 0; lane < Lanes; lane++)
            {
                if (active[lane])
                {
                    Jump? jump = branch is null ? goesOn : Value(branch.Condition)[lane] != 0 ? branch.IfTrue : branch.IfFalse;
                    standsAt[lane] = jump is null ? Done : _order[jump.Block];
                    passed.AddRange(jump?.Arguments.Zip(jump.Block.Parameters, (argument, parameter) => (parameter, lane, Value(argument)[lane])) ?? []);
                }
            }

            passed.ForEach(pass => Value(pass.Parameter)[pass.Lane] = pass.Value);
        }
    }

    private long[] Value(IrValue value)
    {
        if (!_values.TryGetValue(value, out long[]? lanes))
        {
            _values.Add(value, lanes = new long[Lanes]);
        }

        return lanes;
    }

    private Step MakeStep(Instruction instruction)
    {
        IrValue[] operands = instruction.Operands;
        long[] Operand(int i) => Value(operands[Math.Min(i, operands.Length - 1)]);
        long[] result = Value(instruction);
        return operands.Length == 0 ? new(instruction, result, result, result, result) : new(instruction, result, Operand(0), Operand(1), Operand(2));
    }

    private void Evaluate(Step step, bool[] active)
    {
        NoteAccess(step.Instruction, active);
        for (int lane = 0; lane < Lanes; lane++)
        {
            if (active[lane])
            {
                step.Result[lane] = Evaluate(step, lane);
            }
        }
    }

    private long Evaluate(in Step step, int lane) => step.Instruction.Op switch
    {
        Op.Parameter => _launch.Arguments[step.Instruction.Immediate],
        Op.BuiltIn => BuiltInOf((BuiltIn)step.Instruction.Immediate, (_warp * Lanes) + lane),
        Op.AllocateShared or Op.AllocateLocal => _arrays[step.Instruction],
        Op.DynamicShared => _dynamicShared,
        Op.Load when step.Instruction.Type == IrType.I32 => _launch.Integers.GetValueOrDefault(step.A[lane]),
        Op.Shuffle => step.A[(int)step.B[lane] & (Lanes - 1)],
        Op.Broadcast => step.A[lane],
        _ => LaneIntegers.Compute(step.Instruction, step.A[lane], step.B[lane], step.C[lane]),
    };

    private int BuiltInOf(BuiltIn builtIn, int lane) => builtIn switch
    {
        BuiltIn.LaneX => lane % _launch.Group.X,
        BuiltIn.LaneY => lane / _launch.Group.X % _launch.Group.Y,
        BuiltIn.LaneZ => lane / _launch.Group.X / _launch.Group.Y,
        BuiltIn.GroupDimX => _launch.Group.X,
        BuiltIn.GroupDimY => _launch.Group.Y,
        BuiltIn.GroupDimZ => _launch.Group.Z,
        BuiltIn.GridDimX => _launch.Grid.X,
        BuiltIn.GridDimY => _launch.Grid.Y,
        BuiltIn.GridDimZ => _launch.Grid.Z,
        BuiltIn.WarpSize => Lanes,
        BuiltIn.DynamicSharedBytes => _launch.DynamicSharedBytes,
        _ => 0,
    };

    private void NoteAccess(Instruction instruction, bool[] active)
    {
        switch (instruction.Op)
        {
            case Op.Load or Op.Atomic or Op.CompareExchange:
                Note(instruction, 0, instruction.Type.Bytes, active);
                break;
            case Op.Store:
                Note(instruction, 0, instruction.Operands[1].Type.Bytes, active);
                break;
            case Op.AsyncCopy:
                Note(instruction, 0, (int)instruction.Immediate, active);
                Note(instruction, 1, (int)instruction.Immediate, active);
                break;
            case Op.LoadMatrix:
                Note(instruction, 0, 16, active);
                break;
            case Op.TensorLoad:
                NoteBox(instruction, Array.IndexOf(active, true));
                break;
            case Op.WarpGroupMultiply:
                NoteOperands(instruction);
                break;
            case Op.WarpGroupMultiplyHeld:
                NoteRows(instruction);
                break;
        }
    }

    private void Note(Instruction instruction, int operand, int bytes, bool[] active)
    {
        long[] at = Value(instruction.Operands[operand]);
        bool IsNamed(int lane) => active[lane] && (instruction.Op != Op.LoadMatrix || lane < 8 * instruction.Type.Width);
        Note(instruction, instruction.Operands[operand].Type.Space, lane => IsNamed(lane) ? at[lane] : null, bytes);
    }

    private void Note(Instruction instruction, AddressSpace space, Func<int, long?> addressOf, int bytes)
    {
        if (space is AddressSpace.Shared or AddressSpace.Global)
        {
            long?[] addresses = [.. Enumerable.Range(0, Lanes).Select(addressOf)];
            _note(instruction, space, space == AddressSpace.Shared ? WarpAccess.Shared(addresses, bytes) : WarpAccess.Global(addresses, bytes));
        }
    }

    // a box as the tensor memory accelerator copies it: four rows of eight chunks at a time, no more rows than the matrix has
    private void NoteBox(Instruction instruction, int lane)
    {
        if (instruction.Operands[2] is not Instruction { Op: Op.Parameter } parameter || !_launch.Maps.TryGetValue((int)parameter.Immediate, out TensorMapFields map))
        {
            throw new InvalidOperationException($"{_launch.Kernel}: no tensor map is recorded for a copy at {instruction.Source}");
        }

        long target = Value(instruction.Operands[0])[lane];
        long row = Value(instruction.Operands[3])[lane];
        long column = Value(instruction.Operands[4])[lane];
        for (int first = 0; first < map.BoxRows; first += Lanes / RowChunks)
        {
            int Row(int chunk) => first + (chunk / RowChunks);
            bool IsInside(int chunk) => row + Row(chunk) < map.Rows && column + (chunk % RowChunks * ChunkBytes / sizeof(ushort)) < map.Columns;
            long Source(int chunk) => map.Address + ((((row + Row(chunk)) * map.Columns) + column) * sizeof(ushort)) + (chunk % RowChunks * ChunkBytes);
            Note(instruction, AddressSpace.Shared, chunk => Swizzled(target, Row(chunk), chunk % RowChunks), ChunkBytes);
            Note(instruction, AddressSpace.Global, chunk => IsInside(chunk) ? Source(chunk) : null, ChunkBytes);
        }
    }

    // two chunks of 16 rows at a time: a warp's own rows of A; those of B once for the warp group
    private void NoteOperands(Instruction instruction)
    {
        void Rows(long begin, int first) => Note(
            instruction, AddressSpace.Shared, lane => Swizzled(begin, first + (lane % MatrixRows), lane / MatrixRows), ChunkBytes);

        int ofGroup = _warp % WarpsOfGroup;
        Rows(Value(instruction.Operands[1])[0], ofGroup * MatrixRows);
        for (int row = 0; ofGroup == 0 && row < WarpGroupShape.Of(instruction.Immediate).Columns; row += MatrixRows)
        {
            Rows(Value(instruction.Operands[2])[0], row);
        }
    }

    // four rows of a block of columns at a time, once for the warp group; A lies in registers
    private void NoteRows(Instruction instruction)
    {
        var shape = WarpGroupShape.Of(instruction.Immediate);
        long begin = Value(instruction.Operands[2])[0];
        for (int column = 0; _warp % WarpsOfGroup == 0 && column < shape.Columns; column += RowChunks * ChunkBytes / sizeof(ushort))
        {
            for (int first = 0; first < MatrixRows; first += Lanes / RowChunks)
            {
                Note(instruction, AddressSpace.Shared, lane => Swizzled(begin, first + (lane / RowChunks), lane % RowChunks), ChunkBytes);
            }

            begin += shape.BlockDistance;
        }
    }

    private static long Swizzled(long begin, int row, int chunk) =>
        SwizzledTile.Swizzle((nint)(begin + (row * SwizzledTile.RowBytes) + (chunk * ChunkBytes)));

    // an instruction with the lanes' values of its result and of its first operands, so that no step looks them up
    private readonly record struct Step(Instruction Instruction, long[] Result, long[] A, long[] B, long[] C);
}
