using Llama.Gpu.Bench.StaticAnalysis;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>What NVIDIA's assembler says of emitted text; ignored where it is not at hand.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class PtxAssemblyTests
{
    private static readonly IrType Shared = IrType.Pointer(AddressSpace.Shared);

    private static IEnumerable<string> Targets => ["sm_70", "sm_80", "sm_90", "sm_90a"];

    [TestCaseSource(nameof(Targets))]
    public void Every_operation_assembles(string target)
    {
        var sketch = new IrSketch("Operations", IrSketch.Global, IrSketch.Global);
        Instruction input = sketch.Parameter(0);
        Instruction output = sketch.Parameter(1);
        int slot = 0;
        foreach (PtxOpCase test in PtxOpCases.All)
        {
            test.Emit(sketch, input, sketch.At(output, 8 * slot++));
        }

        PtxAssembler.Assemble(Emit(sketch.Return(), target), target);
    }

    [TestCaseSource(nameof(Targets))]
    public void Every_function_assembles_without_spills(string target)
    {
        foreach (IrType type in new[] { IrType.F32, IrType.F64 })
        {
            var sketch = new IrSketch("Functions", IrSketch.Global);
            Instruction memory = sketch.Parameter(0);
            Instruction value = sketch.Load(type, memory, 8);
            int slot = 1;
            foreach (Op op in new[] { Op.Exp, Op.Exp2, Op.Log, Op.Log2, Op.Sin, Op.Cos, Op.Tanh })
            {
                sketch.Store(sketch.At(memory, 8 * slot++), sketch.Add(op, type, value), 8);
            }

            sketch.Store(sketch.At(memory, 8 * slot), sketch.Add(Op.Pow, type, value, value), 8);
            RequireNoSpills(PtxAssembler.Assemble(Emit(sketch.Return(), target), target));
        }
    }

    [TestCaseSource(nameof(Targets))]
    public void Lanes_together_assemble(string target)
    {
        var sketch = new IrSketch("Together", IrSketch.Global);
        Instruction memory = sketch.Parameter(0);
        Instruction index = sketch.Add(Op.BuiltIn, IrType.I32, (long)BuiltIn.LaneX);
        int offset = 0;
        foreach (IrType type in new[] { IrType.I8, IrType.I16, IrType.I32, IrType.I64, IrType.F32, IrType.F64, IrType.I1 })
        {
            Instruction value = sketch.Load(type, sketch.At(memory, offset), 8);
            sketch.Store(sketch.At(memory, offset + 8), sketch.Add(Op.Shuffle, type, value, index), 8);
            sketch.Store(sketch.At(memory, offset + 16), sketch.Add(Op.Broadcast, type, value, index), 8);
            offset += 24;
        }

        foreach (BuiltIn builtIn in Enum.GetValues<BuiltIn>())
        {
            sketch.Store(sketch.At(memory, offset += 8), sketch.Add(Op.BuiltIn, IrType.I32, (long)builtIn), 4);
        }

        foreach (FenceScope scope in Enum.GetValues<FenceScope>())
        {
            sketch.Add(Op.Fence, IrType.Void, (long)scope);
        }

        sketch.Add(Op.Barrier, IrType.Void);
        sketch.Add(Op.WarpBarrier, IrType.Void);
        RequireNoSpills(PtxAssembler.Assemble(Emit(sketch.Return(), target), target));
    }

    [TestCaseSource(nameof(Targets))]
    public void Atomics_assemble(string target)
    {
        var sketch = new IrSketch("Atomics", IrSketch.Global);
        Instruction global = sketch.Parameter(0);
        Instruction shared = sketch.Add(Op.AllocateShared, Shared, 64);
        foreach (IrType type in new[] { IrType.I32, IrType.I64, IrType.F32, IrType.F64 })
        {
            Instruction value = sketch.Load(type, global, 8);
            IrValue sum = value;
            foreach (Instruction place in new[] { global, shared })
            {
                foreach (AtomicOp op in Enum.GetValues<AtomicOp>())
                {
                    if (!type.IsFloat || op is AtomicOp.Add or AtomicOp.Min or AtomicOp.Max or AtomicOp.Exchange)
                    {
                        sum = sketch.Add(Op.Atomic, type, (long)op, place, sum);
                    }
                }

                sum = sketch.Add(Op.CompareExchange, type, place, sum, value);
            }

            sketch.Store(sketch.At(global, 16), sum, 8);
        }

        RequireNoSpills(PtxAssembler.Assemble(Emit(sketch.Return(), target), target));
    }

    [Test]
    public void Eight_halves_are_one_access_of_128_bits()
    {
        IrType type = IrType.I16 with { Width = 8 };
        var sketch = new IrSketch("Wide", IrSketch.Global);
        Instruction memory = sketch.Parameter(0);
        Instruction loaded = sketch.Load(type, memory, 16);
        IrValue[] doubled =
        [
            .. Enumerable.Range(0, 8).Select(i => sketch.Add(Op.Extract, IrType.I16, i, loaded))
                .Select(half => sketch.Add(Op.BFloat16ToFloat, IrType.F32, half)).ToArray()
                .Select(single => sketch.Add(Op.Add, IrType.F32, single, single)).ToArray()
                .Select(single => sketch.Add(Op.FloatToBFloat16, IrType.I16, single)),
        ];
        sketch.Store(sketch.At(memory, 16), sketch.Add(Op.BuildVector, type, doubled), 16);
        string code = PtxAssembler.Disassemble(Emit(sketch.Return(), "sm_90"), "sm_90");
        Assert.Multiple(() =>
        {
            Assert.That(code, Does.Contain("LDG.E.128"));
            Assert.That(code, Does.Contain("STG.E.128"));
        });
    }

    [Test]
    public void Products_and_sums_are_not_fused()
    {
        var sketch = new IrSketch("Unfused", IrSketch.Global);
        Instruction memory = sketch.Parameter(0);
        Instruction value = sketch.Load(IrType.F32, memory, 4);
        sketch.Store(memory, sketch.Add(Op.Add, IrType.F32, sketch.Add(Op.Mul, IrType.F32, value, value), value), 4);
        string code = PtxAssembler.Disassemble(Emit(sketch.Return(), "sm_90"), "sm_90");
        Assert.Multiple(() =>
        {
            Assert.That(code, Does.Contain("FMUL").And.Contain("FADD"));
            Assert.That(code, Does.Not.Contain("FFMA"));
        });
    }

    [Test]
    public void Local_memory_is_reported_and_is_a_stack_frame()
    {
        var sketch = new IrSketch("Local", IrSketch.Global);
        Instruction memory = sketch.Parameter(0);
        Instruction local = sketch.Add(Op.AllocateLocal, IrType.Pointer(AddressSpace.Local), 256);
        Instruction at = sketch.Add(Op.Offset, local.Type, local, sketch.Load(IrType.I64, memory, 8));
        sketch.Store(at, sketch.Single(1), 4);
        sketch.Store(sketch.At(memory, 8), sketch.Load(IrType.F32, sketch.At(local, 8), 4), 4);
        PtxKernel kernel = PtxEmitter.Emit(sketch.Return(), new PtxOptions(new PtxTarget(80)));
        Assert.That(kernel.LocalBytes, Is.EqualTo(256));
        Assert.That(PtxAssembler.Assemble(kernel.Text, "sm_80").StackBytes, Is.GreaterThanOrEqualTo(256));
    }

    internal static void RequireNoSpills(ResourceUsage usage) => Assert.Multiple(() =>
    {
        Assert.That(usage.StackBytes, Is.Zero, "stack frame");
        Assert.That(usage.SpillStoreBytes + usage.SpillLoadBytes, Is.Zero, "spills");
    });

    private static string Emit(IrFunction function, string target) => PtxEmitter.Emit(function, new PtxOptions(PtxTarget.Parse(target))).Text;
}
