using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Llama.Gpu.Model;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Writes checkpoints with random weights in Hugging Face's format: models of any published size to measure and test with, without a
/// download. Weights are normally distributed with standard deviation 0.02, norm weights are 1. The same seed gives the same bytes,
/// however many threads write, and an f16 or bf16 checkpoint holds the f32 one's values, rounded.
/// </summary>
public static class SyntheticCheckpoint
{
    /// <summary>Writes a checkpoint.</summary>
    /// <param name="directory">The folder: one that does not exist yet, or an empty one.</param>
    /// <param name="config">The model; see <see cref="SyntheticPresets"/>.</param>
    /// <param name="type">Type of all weights.</param>
    /// <param name="seed">Chooses the weights.</param>
    /// <param name="progress">Told the bytes of weights written so far; of <see cref="CheckpointSummary.TotalBytes"/> in all.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left behind.</param>
    /// <exception cref="CheckpointException">
    /// The folder is not empty, the disk has no room, a file cannot be written, or the configuration is not valid; nothing is left behind.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Write(
        string directory,
        LlamaConfig config,
        TensorType type,
        ulong seed,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default) =>
        Write(directory, config, type, seed, ImmutableDictionary<char, PlantedSpectrum>.Empty, progress, cancellationToken);

    /// <summary>As the other, with given singular values of attention heads.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="config">The model.</param>
    /// <param name="type">Type of all weights; singular values hold up to its rounding.</param>
    /// <param name="seed">Chooses the weights.</param>
    /// <param name="spectra">
    /// By matrix, q, k, v or o, the spectrum of each head's slice; its Frobenius norm is that of the weights it takes the place of.
    /// </param>
    /// <param name="progress">Told the bytes of weights written so far.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left behind.</param>
    /// <exception cref="CheckpointException">As the other.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Write(
        string directory,
        LlamaConfig config,
        TensorType type,
        ulong seed,
        ImmutableDictionary<char, PlantedSpectrum> spectra,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default) =>
        Write(directory, config, type, seed, spectra, ShardPlan.DefaultLimit, Environment.ProcessorCount, progress, cancellationToken);

    /// <summary>As the other, with a choice of shard size and threads.</summary>
    internal static void Write(
        string directory,
        LlamaConfig config,
        TensorType type,
        ulong seed,
        long shardLimit,
        int threads,
        IProgress<long>? progress,
        CancellationToken cancellationToken) =>
        Write(directory, config, type, seed, ImmutableDictionary<char, PlantedSpectrum>.Empty, shardLimit, threads, progress, cancellationToken);

    private static void Write(
        string directory,
        LlamaConfig config,
        TensorType type,
        ulong seed,
        ImmutableDictionary<char, PlantedSpectrum> spectra,
        long shardLimit,
        int threads,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        string configPath = Path.Combine(directory, HuggingFaceCheckpoint.ConfigFile);
        byte[] configJson = HuggingFaceConfig.Write(config with { DeclaredType = type });
        HuggingFaceConfig.Parse(configJson, configPath);

        bool existed = Directory.Exists(directory);
        bool taken = CheckpointFiles.Guard(
            directory, () => File.Exists(directory) || (existed && Directory.EnumerateFileSystemEntries(directory).Any()));
        if (taken)
        {
            throw new CheckpointException(directory, "expected a folder that is empty or does not exist yet, found something there");
        }

        var shards = ShardPlan.Split(TensorNames.Expected(config).Select(tensor => new TensorSpec(tensor.Name, type, tensor.Shape)), shardLimit);
        var written = new List<string>();
        try
        {
            CreateFolder(directory);
            CheckSpace(directory, shards.Sum(shard => shard.Tensors.Sum(ShardPlan.ByteLength)));

            var fill = Filler(config, seed, spectra);
            long before = 0;
            foreach (var (fileName, tensors) in shards)
            {
                string path = Path.Combine(directory, fileName);
                SafeTensorsWriter.Write(path, tensors, fill, threads, Shifted(progress, before), cancellationToken);
                written.Add(path);
                before += tensors.Sum(ShardPlan.ByteLength);
            }

            if (shards.Length > 1)
            {
                string index = Path.Combine(directory, ShardIndex.SafeTensorsName);
                SafeTensorsWriter.WriteWhole(index, ShardPlan.WriteIndex(shards));
                written.Add(index);
            }

            // last, so that a folder left by a process that was killed does not open as a checkpoint
            SafeTensorsWriter.WriteWhole(configPath, configJson);
        }
        catch
        {
            Remove(written, existed ? null : directory);
            throw;
        }
    }

    private static void CreateFolder(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException(directory, $"cannot be created: {error.Message}", inner: error);
        }
    }

    private static TensorFill Filler(LlamaConfig config, ulong seed, ImmutableDictionary<char, PlantedSpectrum> spectra)
    {
        var planted = new PlantedWeights(config, spectra, seed);
        var norms = TensorNames.Expected(config).Where(tensor => tensor.Part == ModelPart.Norm).Select(tensor => tensor.Name).ToFrozenSet();
        return (tensor, offset, destination) =>
        {
            if (norms.Contains(tensor.Name))
            {
                FillWithOnes(tensor.Type, destination);
            }
            else if (planted.Has(tensor.Name))
            {
                planted.Fill(tensor.Name, offset / tensor.Type.ElementSize(), tensor.Type, destination);
            }
            else
            {
                NormalWeights.Fill(NormalWeights.Key(seed, tensor.Name), offset / tensor.Type.ElementSize(), tensor.Type, destination);
            }
        };
    }

    private static void FillWithOnes(TensorType type, Span<byte> destination)
    {
        if (type == TensorType.Float32)
        {
            MemoryMarshal.Cast<byte, float>(destination).Fill(1);
        }
        else
        {
            const ushort HalfOne = 0x3C00;
            const ushort BFloatOne = 0x3F80;
            MemoryMarshal.Cast<byte, ushort>(destination).Fill(type == TensorType.Float16 ? HalfOne : BFloatOne);
        }
    }

    private static void CheckSpace(string directory, long needed)
    {
        long free;
        try
        {
            free = new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // not every file system tells; then the writer finds out
            return;
        }

        if (needed > free)
        {
            throw new CheckpointException(
                directory, string.Create(CultureInfo.InvariantCulture, $"expected room for {needed} bytes, found {free} bytes free"));
        }
    }

    private static Relay? Shifted(IProgress<long>? progress, long before) => progress is null ? null : new Relay(progress, before);

    // the error that led here is the one to report
    private static void Remove(List<string> files, string? folder)
    {
        try
        {
            files.ForEach(File.Delete);
            if (folder is not null && Directory.Exists(folder))
            {
                Directory.Delete(folder);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }

    private sealed class Relay(IProgress<long> progress, long before) : IProgress<long>
    {
        public void Report(long value) => progress.Report(before + value);
    }
}
