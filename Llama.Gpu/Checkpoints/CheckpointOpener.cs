namespace Llama.Gpu.Checkpoints;

/// <summary>Finds out which format a folder's checkpoint has.</summary>
internal static class CheckpointOpener
{
    private static readonly (string Pattern, string Format)[] NotYetSupported =
    [
        ("*.pth", "Meta's PyTorch format (.pth)"),
        ("*.bin", "PyTorch's format (.bin)"),
        ("*.pt", "PyTorch's format (.pt)"),
        ("*.gguf", "llama.cpp's format (.gguf)"),
    ];

    /// <summary>Opens the checkpoint in a folder.</summary>
    /// <exception cref="CheckpointException">No checkpoint there, one in a format that is not supported, or one that cannot be used.</exception>
    public static Checkpoint Open(string directory)
    {
        if (File.Exists(directory))
        {
            throw new CheckpointException(directory, "expected a folder with a checkpoint, found a file");
        }

        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "expected a folder with a checkpoint, found no such folder");
        }

        if (File.Exists(Path.Combine(directory, HuggingFaceCheckpoint.WeightsFile))
            || File.Exists(Path.Combine(directory, SafeTensorsIndex.FileName)))
        {
            return HuggingFaceCheckpoint.Open(directory);
        }

        string expected = $"expected {HuggingFaceCheckpoint.WeightsFile} or {SafeTensorsIndex.FileName}";
        throw new CheckpointException(directory, $"{expected}, {CheckpointFiles.Guard(directory, () => WhatIsThere(directory))}");
    }

    private static string WhatIsThere(string directory)
    {
        if (Directory.EnumerateFiles(directory, "*.safetensors").FirstOrDefault() is { } stray)
        {
            return $"found {Path.GetFileName(stray)} without an index";
        }

        foreach (var (pattern, format) in NotYetSupported)
        {
            if (Directory.EnumerateFiles(directory, pattern).FirstOrDefault() is { } file)
            {
                return $"found {Path.GetFileName(file)}: {format} is not supported yet";
            }
        }

        return File.Exists(Path.Combine(directory, HuggingFaceCheckpoint.ConfigFile))
            ? $"found {HuggingFaceCheckpoint.ConfigFile} without weights"
            : "found no checkpoint";
    }
}
