using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

public sealed class SyntheticCheckpointTests
{
    private static readonly LlamaConfig Tiny = SyntheticPresets.Get("tiny");

    [TestCase(TensorType.Float32)]
    [TestCase(TensorType.Float16)]
    [TestCase(TensorType.BFloat16)]
    public void A_written_checkpoint_opens_with_the_configuration_it_was_written_for(TensorType type)
    {
        using var folder = new TemporaryFolder();
        SyntheticCheckpoint.Write(folder["m"], Tiny, type, seed: 1);
        using var checkpoint = Checkpoint.Open(folder["m"]);
        Assert.That(checkpoint.Config with { EndOfTextIds = Tiny.EndOfTextIds }, Is.EqualTo(Tiny with { DeclaredType = type }));
        Assert.That(checkpoint.Tensors.Values.Select(tensor => tensor.Type), Is.All.EqualTo(type));
        Assert.That(Directory.GetFiles(folder["m"]).Select(Path.GetFileName), Is.EquivalentTo(ImmutableArray.Create("config.json", "model.safetensors")));
    }

    [Test]
    public void Weights_are_normal_with_deviation_0_02_and_norms_are_1()
    {
        using var folder = new TemporaryFolder();
        SyntheticCheckpoint.Write(folder["m"], Tiny, TensorType.Float32, seed: 5);
        using var checkpoint = Checkpoint.Open(folder["m"]);
        double[] values = [.. Floats(checkpoint, TensorNames.Embedding).Concat(Floats(checkpoint, TensorNames.OutputHead)).Select(value => value / 0.02)];
        Assert.That(values, Has.Length.EqualTo(65536));

        // standard errors of the moments over 65536 values: 0.004, 0.006, 0.0096, 0.019
        Assert.That(values.Average(), Is.Zero.Within(0.02));
        Assert.That(values.Average(x => x * x), Is.EqualTo(1).Within(0.03));
        Assert.That(values.Average(x => x * x * x), Is.Zero.Within(0.08));
        Assert.That(values.Average(x => x * x * x * x), Is.EqualTo(3).Within(0.2));
        Assert.That(values.Count(x => x < -1.959964) / 65536.0, Is.EqualTo(0.025).Within(0.003));
        Assert.That(values.Max(), Is.InRange(3.5, 4.5));

        // neighbours, also those that come from one hash, know nothing of each other
        for (int lag = 1; lag <= 5; lag++)
        {
            Assert.That(values.Zip(values.Skip(lag), (a, b) => a * b).Average(), Is.Zero.Within(0.02), $"lag {lag}");
        }

        Assert.That(Floats(checkpoint, TensorNames.FinalNorm), Is.All.EqualTo(1f));
        Assert.That(Floats(checkpoint, TensorNames.Layer(0).MlpNorm), Is.All.EqualTo(1f));
    }

    [Test]
    public void A_seed_gives_the_same_bytes_with_any_number_of_threads_and_shards()
    {
        using var folder = new TemporaryFolder();

        // wide enough for several parts a tensor
        var config = Tiny with { LayerCount = 1, HiddenSize = 2048, IntermediateSize = 2048 };
        Write(folder["one"], config, seed: 9, shardLimit: long.MaxValue, threads: 1);
        Write(folder["four"], config, seed: 9, shardLimit: long.MaxValue, threads: 4);
        Write(folder["sharded"], config, seed: 9, shardLimit: 10_000_000, threads: 4);
        Write(folder["other"], config, seed: 10, shardLimit: long.MaxValue, threads: 4);

        Assert.That(File.ReadAllBytes(Weights(folder["one"])).AsSpan().SequenceEqual(File.ReadAllBytes(Weights(folder["four"]))), Is.True);
        Assert.That(Directory.GetFiles(folder["sharded"], "model-*-of-*.safetensors"), Has.Length.GreaterThan(2));
        using var one = Checkpoint.Open(folder["one"]);
        using var sharded = Checkpoint.Open(folder["sharded"]);
        using var other = Checkpoint.Open(folder["other"]);
        foreach (var tensor in one.Tensors.Values)
        {
            Assert.That(Bytes(sharded, tensor.Name).SequenceEqual(Bytes(one, tensor.Name)), Is.True, tensor.Name);
            Assert.That(Bytes(other, tensor.Name).SequenceEqual(Bytes(one, tensor.Name)), Is.EqualTo(tensor.Name.Contains("norm")), tensor.Name);
        }
    }

    [Test]
    public void Narrow_types_hold_the_values_of_f32_rounded()
    {
        using var folder = new TemporaryFolder();
        foreach (var type in Enum.GetValues<TensorType>())
        {
            SyntheticCheckpoint.Write(folder[type.ToString()], Tiny, type, seed: 3);
        }

        using var single = Checkpoint.Open(folder["Float32"]);
        using var half = Checkpoint.Open(folder["Float16"]);
        using var brain = Checkpoint.Open(folder["BFloat16"]);
        foreach (string name in single.Tensors.Keys)
        {
            float[] values = Floats(single, name);
            Assert.That(
                MemoryMarshal.Cast<byte, ushort>(Bytes(half, name)).ToArray(),
                Is.EqualTo(values.Select(value => BitConverter.HalfToUInt16Bits((Half)value)).ToArray()));
            Assert.That(
                MemoryMarshal.Cast<byte, ushort>(Bytes(brain, name)).ToArray(),
                Is.EqualTo(values.Select(value => ((Llama.Gpu.Jit.BFloat16)value).Bits).ToArray()));
        }
    }

    [Test]
    public void A_cut_model_begins_as_the_whole_one()
    {
        using var folder = new TemporaryFolder();
        SyntheticCheckpoint.Write(folder["whole"], Tiny, TensorType.BFloat16, seed: 3);
        SyntheticCheckpoint.Write(folder["cut"], Tiny with { LayerCount = 1 }, TensorType.BFloat16, seed: 3);
        using var whole = Checkpoint.Open(folder["whole"]);
        using var cut = Checkpoint.Open(folder["cut"]);
        Assert.That(cut.Config.LayerCount, Is.EqualTo(1));
        foreach (string name in cut.Tensors.Keys)
        {
            Assert.That(Bytes(cut, name).SequenceEqual(Bytes(whole, name)), Is.True, name);
        }
    }

    [Test]
    public void The_bytes_of_a_seed_never_change()
    {
        using var folder = new TemporaryFolder();
        SyntheticCheckpoint.Write(folder["m"], Tiny, TensorType.BFloat16, seed: 42);
        string hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Weights(folder["m"]))));
        Assert.That(hash, Is.EqualTo("84391651DBBDF1A7654A6594CE1598112984FAFE0CFD34C2F93478DC700E504C"));
    }

    [Test]
    public void Llama_3_8b_is_sharded_as_published()
    {
        var shards = ShardPlan.Split(
            TensorNames.Expected(SyntheticPresets.Get("llama-3-8b")).Select(tensor => new TensorSpec(tensor.Name, TensorType.BFloat16, tensor.Shape)),
            ShardPlan.DefaultLimit);

        // the published files have 4.98, 5.00, 4.92 and 1.17 GB
        double[] sizes = [.. shards.Select(shard => shard.Tensors.Sum(ShardPlan.ByteLength) / 1e9)];
        Assert.That(sizes, Is.EqualTo(ImmutableArray.Create(4.98, 5.00, 4.92, 1.17)).Within(0.005));
        Assert.That(shards[0].FileName, Is.EqualTo("model-00001-of-00004.safetensors"));
        Assert.That(shards[3].Tensors[^1].Name, Is.EqualTo(TensorNames.OutputHead));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void When_cancelled_nothing_is_left(bool folderExisted)
    {
        using var folder = new TemporaryFolder();
        if (folderExisted)
        {
            Directory.CreateDirectory(folder["m"]);
        }

        using var cancellation = new CancellationTokenSource();
        var afterAWhile = new Reports(bytes =>
        {
            if (bytes > 300_000)
            {
                cancellation.Cancel();
            }
        });
        Assert.That(
            () => SyntheticCheckpoint.Write(folder["m"], Tiny, TensorType.Float32, 1, shardLimit: 100_000, threads: 2, afterAWhile, cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.Exists(folder["m"]), Is.EqualTo(folderExisted));
        Assert.That(Directory.GetFileSystemEntries(folder.Path, "*", SearchOption.AllDirectories), Has.Length.EqualTo(folderExisted ? 1 : 0));
    }

    [Test]
    public void Progress_ends_with_all_bytes_over_all_shards()
    {
        using var folder = new TemporaryFolder();
        var reports = new List<long>();
        SyntheticCheckpoint.Write(folder["m"], Tiny, TensorType.Float16, 1, shardLimit: 100_000, threads: 1, new Reports(reports.Add), default);
        Assert.That(reports, Is.Ordered);
        Assert.That(reports[^1], Is.EqualTo(CheckpointSummary.Of(Tiny, TensorType.Float16).TotalBytes));
    }

    [Test]
    public void A_folder_with_something_in_it_is_refused_and_left_alone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["precious"], "kept");
        string name = Path.GetFileName(folder.Path);
        CheckpointErrors.Expect(() => SyntheticCheckpoint.Write(folder.Path, Tiny, TensorType.Float32, 1), name, null, "expected a folder that is empty");
        CheckpointErrors.Expect(() => SyntheticCheckpoint.Write(folder["precious"], Tiny, TensorType.Float32, 1), "precious", null, "found something");
        Assert.That(File.ReadAllText(folder["precious"]), Is.EqualTo("kept"));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void More_than_the_disk_holds_is_refused_before_writing()
    {
        using var folder = new TemporaryFolder();
        var absurd = Tiny with { LayerCount = 4096, HiddenSize = 1 << 20, IntermediateSize = 1 << 22 };
        CheckpointErrors.Expect(() => SyntheticCheckpoint.Write(folder["m"], absurd, TensorType.Float32, 1), "m", null, "expected room for", "bytes free");
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
    }

    [Test]
    public void A_configuration_that_could_not_be_read_back_is_not_written()
    {
        using var folder = new TemporaryFolder();
        CheckpointErrors.Expect(
            () => SyntheticCheckpoint.Write(folder["m"], Tiny with { KeyValueHeadCount = 3 }, TensorType.Float32, 1),
            "config.json",
            "num_key_value_heads",
            "divisor");
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
    }

    [Test]
    public void An_unknown_preset_is_told_the_known_ones()
    {
        Assert.That(() => SyntheticPresets.Get("llama-9"), Throws.ArgumentException.With.Message.Contains("llama-3.2-1b").And.Message.Contains("llama-9"));
    }

    private static void Write(string directory, LlamaConfig config, ulong seed, long shardLimit, int threads) =>
        SyntheticCheckpoint.Write(directory, config, TensorType.BFloat16, seed, shardLimit, threads, progress: null, CancellationToken.None);

    private static string Weights(string directory) => Path.Combine(directory, "model.safetensors");

    private static ReadOnlySpan<byte> Bytes(Checkpoint checkpoint, string name)
    {
        var tensor = checkpoint.Tensors[name];
        return checkpoint.Read(tensor, 0, (int)tensor.ByteLength);
    }

    private static float[] Floats(Checkpoint checkpoint, string name) => MemoryMarshal.Cast<byte, float>(Bytes(checkpoint, name)).ToArray();

    private sealed class Reports(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
