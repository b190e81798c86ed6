using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>Makes a kernel's methods of vector instructions.</summary>
internal sealed class SimdCompiler
{
    private readonly SimdAnalysis _analysis;
    private readonly string _name;

    /// <param name="function">The kernel.</param>
    /// <param name="isa">The vectors.</param>
    /// <param name="linear">Whether groups have one dimension.</param>
    /// <param name="maxLanes">Lanes of the largest group.</param>
    public SimdCompiler(IrFunction function, VectorIsa isa, bool linear, int maxLanes)
    {
        _name = function.Name;
        _analysis = new SimdAnalysis(function, isa, linear, maxLanes);
        HasGlobalAtomics = function.Instructions.Any(instruction => instruction.Op is Op.Atomic or Op.CompareExchange
            && instruction.Operands[0].Type != IrType.Pointer(AddressSpace.Shared));
    }

    /// <summary>Bytes of shared memory, of local memory and of a vector's frame that the methods need.</summary>
    public (int Shared, int Local, int Frame) Memory =>
        (_analysis.Layout.SharedBytes, _analysis.Layout.LocalBytes, _analysis.Frames.Bytes);

    /// <summary>For each place where vectors wait, for whom.</summary>
    public WaitScope[] Waits => [.. _analysis.Frames.Waits.Select(wait => WarpExchange.ScopeOf(wait.Barrier))];

    /// <summary>Whether lanes change memory atomically that other groups see.</summary>
    public bool HasGlobalAtomics { get; }

    /// <summary>A method for vectors with all lanes, or for vectors that lack some.</summary>
    public SimdVectorCode Compile(bool full)
    {
        (DynamicMethod method, int bytes) = Emit(full);
        JitDebug.Write(JitDebug.Timings, _name, method.Name, () => $"{bytes} bytes of IL");
        var code = method.CreateDelegate<SimdVectorCode>();
        RuntimeHelpers.PrepareDelegate(code);
        return code;
    }

    /// <summary>Bytes of IL of that method: the runtime does not optimize methods that are too large.</summary>
    public int SizeOf(bool full) => Emit(full).Bytes;

    private (DynamicMethod Method, int Bytes) Emit(bool full)
    {
        var method = new DynamicMethod(
            $"{_name}.{_analysis.Isa.Bits}{(full ? string.Empty : ".part")}",
            typeof(int),
            [typeof(long*), typeof(SimdGroup*), typeof(int)],
            typeof(SimdCompiler).Module,
            skipVisibility: true)
        {
            InitLocals = false,
        };
        ILGenerator il = method.GetILGenerator(4096);
        new SimdEmitter(il, _analysis, full).Emit();
        return (method, il.ILOffset);
    }
}
