namespace Llama.Gpu.Checkpoints;

/// <summary>Finds out which format a folder's checkpoint has.</summary>
internal static class CheckpointOpener
{
    private const string Expected =
        $"expected {HuggingFaceCheckpoint.WeightsFile}, {ShardIndex.SafeTensorsName}, {HuggingFaceCheckpoint.PyTorchWeightsFile}, "
        + $"{ShardIndex.PyTorchName}, consolidated.00.pth or a .gguf file";

    /// <summary>Opens the checkpoint in a folder, or a GGUF file.</summary>
    /// <exception cref="CheckpointException">No checkpoint there, one in a format that is not supported, or one that cannot be used.</exception>
    public static Checkpoint Open(string directory)
    {
        if (File.Exists(directory))
        {
            if (directory.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            {
                return GgufCheckpoint.Open(directory);
            }

            throw new CheckpointException(directory, "expected a folder with a checkpoint, found a file");
        }

        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "expected a folder with a checkpoint, found no such folder");
        }

        if (HuggingFaceCheckpoint.HasWeights(directory))
        {
            return HuggingFaceCheckpoint.Open(directory);
        }

        if (CheckpointFiles.Guard(directory, () => MetaCheckpoint.HasWeights(directory)))
        {
            return MetaCheckpoint.Open(directory);
        }

        if (CheckpointFiles.Guard(directory, () => GgufCheckpoint.HasWeights(directory)))
        {
            return GgufCheckpoint.Open(directory);
        }

        throw new CheckpointException(directory, $"{Expected}; {CheckpointFiles.Guard(directory, () => WhatIsThere(directory))}");
    }

    private static string WhatIsThere(string directory)
    {
        foreach (string pattern in (ReadOnlySpan<string>)["*.safetensors", "*.bin"])
        {
            if (Directory.EnumerateFiles(directory, pattern).FirstOrDefault() is { } stray)
            {
                return $"found {Path.GetFileName(stray)} without an index";
            }
        }

        return File.Exists(Path.Combine(directory, HuggingFaceCheckpoint.ConfigFile))
            ? $"found {HuggingFaceCheckpoint.ConfigFile} without weights"
            : "found no checkpoint";
    }
}
