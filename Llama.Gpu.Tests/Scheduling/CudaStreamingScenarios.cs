using System.Buffers.Binary;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Cuda;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>Streaming to a CUDA device, with a driver that has none: each method runs in the copy that <see cref="FakeDriver"/> makes.</summary>
public static class CudaStreamingScenarios
{
    private const int Marker = sizeof(ulong);
    private const int ChunkBytes = 4 << 20;
    private const int Passes = 3;

    public static void CopiesWaitForLaunchesAndLaunchesForCopies()
    {
        FakeDriverScenarios.Set("fake_trace", 1);
        try
        {
            FakeDriverScenarios.WithAccelerator(accelerator =>
            {
                MemoryPlan plan = Plan(slots: 2);
                using var memory = new Slots(accelerator, plan, count: 2);
                using SlotLink link = SlotLink.For(accelerator.DefaultStream, memory.List);
                WeightPiece piece = plan.Steps[3].Pieces[0];
                Assert.That(piece.Bytes, Is.InRange(ChunkBytes + 1, 2 * ChunkBytes));
                var reader = new MarkingReader();

                // the accelerator's own stream is 1, those of the slots 2 and 3; events: 16 of the ring, then copied and used of each slot
                link.Fill(0, piece, reader, default);
                link.BeginUse(0);
                link.EndUse(0);
                long rest = piece.Bytes - ChunkBytes;
                Assert.That(FakeDriverScenarios.Log(), Is.EqualTo(
                    $"copy on 2: {ChunkBytes}\nrecord event 1 on 2\ncopy on 2: {rest}\nrecord event 2 on 2\nrecord event 17 on 2\n"
                    + "wait on 1 for event 17\nrecord event 19 on 1\n"));

                link.Fill(1, piece, reader, default);
                link.Fill(0, piece, reader, default);
                Assert.That(FakeDriverScenarios.Log(), Is.EqualTo(
                    $"copy on 3: {ChunkBytes}\nrecord event 3 on 3\ncopy on 3: {rest}\nrecord event 4 on 3\nrecord event 18 on 3\n"
                    + $"wait on 2 for event 19\ncopy on 2: {ChunkBytes}\nrecord event 5 on 2\ncopy on 2: {rest}\nrecord event 6 on 2\nrecord event 17 on 2\n"));
            });
        }
        finally
        {
            FakeDriverScenarios.Set("fake_trace", 0);
        }
    }

    public static void EveryPieceArrivesThoughCopiesRunAsLateAsTheyMay() => Lazily(accelerator =>
    {
        foreach (int slots in new[] { 2, 3 })
        {
            MemoryPlan plan = Plan(slots);
            using var run = new Run(accelerator, plan, new MarkingReader());
            int waits = FakeDriverScenarios.Call<int>("fake_host_waits");
            for (int pass = 0; pass < Passes; pass++)
            {
                run.Pass();
            }

            Assert.That(FakeDriverScenarios.Call<int>("fake_host_waits"), Is.EqualTo(waits), "waits of the thread that launches kernels");
            run.Check();
        }
    });

    public static void CopyThatFailsIsThrownAndTheNextPassTriesAgain() => Lazily(accelerator =>
    {
        // how far the first pass comes before its copies fail
        foreach (int copies in new[] { 0, 1, 7, 20 })
        {
            using var run = new Run(accelerator, Plan(slots: 2), new MarkingReader(), failAfter: copies);
            var error = Assert.Throws<CudaException>(run.Pass)!;
            Assert.That(error.Error, Is.EqualTo((CudaError)700));
            FakeDriverScenarios.Set("fake_fail_after_copies", -1);
            run.Results.Clear();
            run.Pass();
            run.Check();
        }
    });

    public static void ReadErrorBetweenTwoCopiesOfAPieceIsThrownAndTheNextPassTriesAgain() => Lazily(accelerator =>
    {
        var reader = new FaultyReader(new MarkingReader());
        reader.BeforeRead = read =>
        {
            if (read >= 6)
            {
                throw new CheckpointException("weights", "the disk is gone");
            }
        };
        using var run = new Run(accelerator, Plan(slots: 2), reader);
        Assert.That(run.Pass, Throws.TypeOf<CheckpointException>());
        reader.BeforeRead = null;
        run.Results.Clear();
        run.Pass();
        run.Check();
    });

    public static void DisposalWaitsForCopiesUnderWay() => Lazily(accelerator =>
    {
        foreach (int taken in new[] { 0, 1, 3 })
        {
            using var run = new Run(accelerator, Plan(slots: 2), new MarkingReader());
            run.Pass(taken);
        }
    });

    public static void ObjectThatCannotBeMadeLeavesNothingBehind() => FakeDriverScenarios.WithAccelerator(accelerator =>
    {
        MemoryPlan plan = Plan(slots: 2);
        using var memory = new Slots(accelerator, plan, count: 4);
        int live = FakeDriverScenarios.Call<int>("fake_live");

        // a ring of 16 parts, and a stream and two events for each slot
        const int Objects = 1 + 16 + (4 * 3);
        for (int made = 0; made <= Objects; made++)
        {
            FakeDriverScenarios.Set("fake_fail_after_objects", made);
            try
            {
                if (made < Objects)
                {
                    Assert.That(() => SlotLink.For(accelerator.DefaultStream, memory.List), Throws.TypeOf<CudaException>());
                }
                else
                {
                    SlotLink.For(accelerator.DefaultStream, memory.List).Dispose();
                }
            }
            finally
            {
                FakeDriverScenarios.Set("fake_fail_after_objects", -1);
            }

            Assert.That(FakeDriverScenarios.Call<int>("fake_live"), Is.EqualTo(live), $"after {made} objects");
        }
    });

    // chunks long enough for warp groups, whose rounded input is scratch memory, and tokens that are chosen on the device
    public static void WholeRunTakesWhatThePlanSays() => FakeDriverScenarios.WithAccelerator(accelerator =>
    {
        using var folder = new TemporaryFolder();
        LlamaConfig config = SyntheticPresets.Get("tiny") with { LayerCount = 2 };
        SyntheticCheckpoint.Write(folder["model"], config, TensorType.BFloat16, seed: 1);
        using Checkpoint checkpoint = Checkpoint.Open(folder["model"]);
        ModelLayout layout = ModelLayout.Of(checkpoint);
        MemoryPlanRequest request = new MemoryPlanRequest(long.MaxValue, 128) { ChunkLength = 96, SlotBytes = 64 << 10 }.For(accelerator, layout);
        MemoryPlan whole = MemoryPlan.Create(layout, request);
        int widest = layout.Steps.SelectMany(step => step.Matrices).Max(matrix => matrix.RowLength);
        Assert.That(whole.Request.Scratch.ProductBytes, Is.EqualTo(2L * 96 * widest));
        Assert.That(whole.Request.Scratch.ChoiceBytes, Is.GreaterThan(14L * config.VocabularySize));

        int[] prompt = [.. Enumerable.Range(0, 100).Select(i => i % config.VocabularySize)];
        foreach (long budget in new[] { whole.SmallestBudget, (whole.SmallestBudget + whole.PlannedBytes) / 2, whole.PlannedBytes })
        {
            BudgetRun.Check(accelerator, checkpoint, request with { BudgetBytes = budget }, prompt);
            string log = FakeDriverScenarios.Log();
            Assert.That(log, Does.Contain("WarpGroupMatMul_TileKernel").And.Contain("TokenDraw"));
        }
    });

    public static void PromptIsComputedInChunksThatTakeWarpGroups() => FakeDriverScenarios.WithAccelerator(accelerator =>
    {
        using var folder = new TemporaryFolder();
        LlamaConfig config = SyntheticPresets.Get("tiny") with { LayerCount = 2 };
        SyntheticCheckpoint.Write(folder["model"], config, TensorType.BFloat16, seed: 1);
        using Checkpoint checkpoint = Checkpoint.Open(folder["model"]);
        ModelLayout layout = ModelLayout.Of(checkpoint);
        var request = new MemoryPlanRequest(long.MaxValue, 128);
        long small = MemoryPlan.Smallest(layout, request.For(accelerator, layout) with { ChunkLength = 64 });
        Assert.Multiple(() =>
        {
            Assert.That(request.For(accelerator, layout).ChunkLength, Is.EqualTo(512));
            Assert.That((request with { ChunkLength = 64 }).For(accelerator, layout).ChunkLength, Is.EqualTo(64), "what is asked for");
            Assert.That((request with { BudgetBytes = small }).For(accelerator, layout).ChunkLength, Is.EqualTo(64), "little memory");
        });

        using LlamaModel model = LlamaModel.Load(checkpoint, accelerator, request);
        using DecoderSession session = model.CreateSession(128);
        FakeDriverScenarios.Log();
        session.Forward([.. Enumerable.Range(0, 100).Select(i => i % config.VocabularySize)]);
        Assert.That(FakeDriverScenarios.Log(), Does.Contain("WarpGroupMatMul_TileKernel"));
    });

    private static void Lazily(Action<CudaAccelerator> test)
    {
        FakeDriverScenarios.Set("fake_lazy", 1);
        int misused = FakeDriverScenarios.Call<int>("fake_misused");
        try
        {
            FakeDriverScenarios.WithAccelerator(test);
            Assert.That(FakeDriverScenarios.Call<int>("fake_pending"), Is.Zero, "copies under way");
            Assert.That(FakeDriverScenarios.Call<int>("fake_misused"), Is.EqualTo(misused), "memory or events freed under copies");
        }
        finally
        {
            FakeDriverScenarios.Set("fake_lazy", 0);
            FakeDriverScenarios.Set("fake_fail_after_copies", -1);
        }
    }

    // matrices of several chunks, in pieces of one to three of them
    private static MemoryPlan Plan(int slots)
    {
        LlamaConfig config = SyntheticPresets.Get("tiny") with
        {
            HiddenSize = 1024, IntermediateSize = 6144, LayerCount = 2, HeadCount = 16, KeyValueHeadCount = 4, HeadDim = 64, VocabularySize = 4096,
        };
        ModelLayout layout = ModelLayout.Of(config, TensorType.BFloat16);
        var request = new MemoryPlanRequest(long.MaxValue, 16) { SlotCount = slots, SlotBytes = 13 << 20 };
        return MemoryPlan.Create(layout, request with { BudgetBytes = MemoryPlan.Smallest(layout, request) + (14 << 20) });
    }

    // what a reader writes at the beginning of each chunk
    private static ulong MarkOf(string tensor, long offset) =>
        ((ulong)(uint)string.GetHashCode(tensor, StringComparison.Ordinal) << 32) ^ (ulong)offset;

    private sealed class MarkingReader : IWeightReader
    {
        public void Read(string tensor, long offset, Span<byte> destination) =>
            BinaryPrimitives.WriteUInt64LittleEndian(destination, MarkOf(tensor, offset));
    }

    private sealed class Slots : IDisposable
    {
        private readonly DeviceBudget _budget;

        public Slots(CudaAccelerator accelerator, MemoryPlan plan, int count)
        {
            _budget = new DeviceBudget(accelerator, long.MaxValue);
            List = [.. Enumerable.Range(0, count).Select(_ => _budget.Allocate<byte>(plan.SlotBytes / MemoryPlan.PiecesPerSlot, "a slot"))];
        }

        public DeviceMemory<byte>[] List { get; }

        public void Dispose() => Array.ForEach(List, slot => slot.Dispose());
    }

    // a streamer, and in place of kernels copies on their stream that keep each chunk's mark as it was found
    private sealed class Run : IDisposable
    {
        private const int MostResults = 4096;

        private readonly MemoryPlan _plan;
        private readonly Slots _slots;
        private readonly WeightStreamer _streamer;
        private readonly CudaStream _compute;
        private readonly CudaPinnedMemory _found;

        public Run(CudaAccelerator accelerator, MemoryPlan plan, IWeightReader reader, int failAfter = -1)
        {
            _plan = plan;
            _compute = (CudaStream)accelerator.DefaultStream;
            _found = accelerator.AllocatePinned(MostResults * Marker);
            _slots = new Slots(accelerator, plan, plan.SlotCount * MemoryPlan.PiecesPerSlot);
            FakeDriverScenarios.Set("fake_fail_after_copies", failAfter);
            var body = plan.Steps.SkipLast(1).SelectMany(step => step.Streamed);
            SlotLink link = SlotLink.For(_compute, _slots.List);
            _streamer = new WeightStreamer(body, plan.Steps[^1].Streamed, _slots.List.Length, link, reader);
        }

        public List<ulong> Results { get; } = [];

        public void Pass() => Pass(int.MaxValue);

        public void Pass(int pieces)
        {
            _streamer.BeginPass(withHead: true);
            foreach (WeightPiece piece in _plan.Steps.SelectMany(step => step.Streamed).Take(pieces))
            {
                var memory = _slots.List[_streamer.Take(piece, CancellationToken.None)].View;
                foreach (RowRange rows in piece.Rows)
                {
                    for (long done = 0; done < rows.Bytes; done += ChunkBytes)
                    {
                        _found.CopyFrom(_compute, memory.SubView(rows.Offset + done, Marker), (long)Results.Count * Marker);
                        Results.Add(MarkOf(rows.Matrix.Tensor, (rows.First * rows.Matrix.RowBytes) + done));
                    }
                }

                _streamer.Release();
            }
        }

        public void Check()
        {
            _compute.Synchronize();
            Assert.That(Results, Is.Not.Empty);
            for (int i = 0; i < Results.Count; i++)
            {
                Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(_found.Span(i * Marker, Marker)), Is.EqualTo(Results[i]), $"chunk {i}");
            }
        }

        public void Dispose()
        {
            _streamer.Dispose();
            Assert.That(FakeDriverScenarios.Call<int>("fake_pending"), Is.Zero, "copies under way after disposal");
            _slots.Dispose();
            _found.Dispose();
        }
    }
}
