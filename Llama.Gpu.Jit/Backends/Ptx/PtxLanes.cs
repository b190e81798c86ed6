using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Values that lanes pass to one another.</summary>
internal sealed class PtxLanes(PtxRegisters registers, PtxMemory memory, Action<string> write)
{
    /// <summary>Bytes of the slot of shared memory that broadcasts go through.</summary>
    public const int SlotBytes = 8;

    /// <summary>Its declaration.</summary>
    public const string Slot = "    .shared .align 8 .b8 broadcast_slot[8];\n";

    private string? _linearLane;
    private string? _warpLanes;
    private string? _lane;
    private int _broadcasts;

    /// <summary>What shuffles and broadcasts ask of the lane: worked out once, at the entry, where every later block sees it.</summary>
    public void Begin()
    {
        _linearLane = registers.New(IrType.I32);
        _warpLanes = registers.New(IrType.I32);
        _lane = registers.New(IrType.I32);
        write($$"""
            {
            .reg .b32 x, y, width, height;
            mov.u32 x, %tid.z;
            mov.u32 height, %ntid.y;
            mov.u32 y, %tid.y;
            mad.lo.s32 y, x, height, y;
            mov.u32 width, %ntid.x;
            mov.u32 x, %tid.x;
            mad.lo.s32 {{_linearLane}}, y, width, x;
            mul.lo.s32 width, width, height;
            mov.u32 y, %ntid.z;
            mul.lo.s32 width, width, y;
            and.b32 {{_lane}}, {{_linearLane}}, 31;
            sub.s32 width, width, {{_linearLane}};
            add.s32 width, width, {{_lane}};
            min.u32 {{_warpLanes}}, width, 32;
            }
            """);
    }

    /// <summary>Whether a number is below 32 whatever the lane: where warps are whole, a lane that is there.</summary>
    public static bool IsInWarp(IrValue index) => index switch
    {
        Instruction { Op: Op.Constant, Immediate: >= 0 and < 32 } => true,
        Instruction { Op: Op.And } mask => IsInWarp(mask.Operands[0]) || IsInWarp(mask.Operands[1]),
        Instruction { Op: Op.Xor } other => IsInWarp(other.Operands[0]) && IsInWarp(other.Operands[1]),
        _ => false,
    };

    /// <summary>The value of another lane of the warp; a lane outside it, or one that the group does not have, gives the caller's own.</summary>
    /// <param name="type">Type of the value.</param>
    /// <param name="value">The value that this lane passes.</param>
    /// <param name="index">The lane it asks.</param>
    /// <param name="result">Where the value goes.</param>
    /// <param name="exists">Whether that lane is known to be there.</param>
    public void Shuffle(IrType type, string value, string index, string result, bool exists)
    {
        string source = index;
        if (!exists)
        {
            source = registers.New(IrType.I32);
            string inside = registers.New(IrType.I1);
            write($"setp.lt.u32 {inside}, {index}, {_warpLanes};");
            write($"selp.b32 {source}, {index}, {_lane}, {inside};");
        }

        string exchange = $"{source}, 31, -1;";
        write(PtxRegisters.KindOf(type) switch
        {
            RegisterKind.Word or RegisterKind.Single => $"shfl.sync.idx.b32 {result}, {value}, {exchange}",
            RegisterKind.Half => $$"""
                {
                .reg .b32 wide;
                cvt.u32.u16 wide, {{value}};
                shfl.sync.idx.b32 wide, wide, {{exchange}}
                cvt.u16.u32 {{result}}, wide;
                }
                """,
            RegisterKind.Predicate => $$"""
                {
                .reg .b32 wide;
                selp.b32 wide, 1, 0, {{value}};
                shfl.sync.idx.b32 wide, wide, {{exchange}}
                setp.ne.s32 {{result}}, wide, 0;
                }
                """,
            _ => $$"""
                {
                .reg .b32 low, high;
                mov.b64 {low, high}, {{value}};
                shfl.sync.idx.b32 low, low, {{exchange}}
                shfl.sync.idx.b32 high, high, {{exchange}}
                mov.b64 {{result}}, {low, high};
                }
                """,
        });
    }

    /// <summary>One lane's value to the whole group; the second barrier keeps the next broadcast from overwriting it too early.</summary>
    public void Broadcast(IrType type, string value, string index, string result)
    {
        IrType shared = IrType.Pointer(AddressSpace.Shared);
        string slot = registers.New(IrType.I32);
        string waits = registers.New(IrType.I1);
        string sent = $"SENT{_broadcasts++}";
        write($"mov.b32 {slot}, broadcast_slot;");
        write($"setp.ne.s32 {waits}, {index}, {_linearLane};");
        write($"@{waits} bra {sent};");
        memory.Store(shared, slot, type, SlotBytes, [value]);
        write($"{sent}:");
        write("bar.sync 0;");
        memory.Load(shared, slot, type, SlotBytes, [result]);
        write("bar.sync 0;");
    }
}
