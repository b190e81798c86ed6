using System.Globalization;
using System.Text.RegularExpressions;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// A model in several GGUF files, as llama.cpp's <c>gguf-split</c> cuts it: <c>NAME-00001-of-0000N.gguf</c> and so on, each with some of
/// the tensors. The first has the metadata; what it says of the parts (<c>split.count</c>, <c>split.tensors.count</c>) has to be there.
/// </summary>
internal static partial class GgufParts
{
    private const string CountKey = "split.count";
    private const string NumberKey = "split.no";
    private const string TensorCountKey = "split.tensors.count";
    private const int MostParts = 99_999;

    /// <summary>The GGUF files of a folder by which a model is opened: those that are no later part of another.</summary>
    public static string[] FindFirst(string directory) =>
    [
        .. Directory.GetFiles(directory, "*.gguf").Where(path => PartName().Match(path) is not { Success: true } part || Number(part) == 1),
    ];

    /// <summary>Reads a file, and where it is the first of several the others too.</summary>
    /// <param name="path">The file.</param>
    /// <param name="open">Opens a file; called for each once.</param>
    /// <returns>The metadata of the first, and the tensors of all.</returns>
    /// <exception cref="CheckpointException">A part that is malformed, missing or another's, or a file that is not the first.</exception>
    public static GgufFile Read(string path, Func<string, IByteSource> open)
    {
        var first = GgufFile.Read(open(path));
        int count = first.OptionalInteger(CountKey, 0, MostParts) ?? 0;
        int number = first.OptionalInteger(NumberKey, 0, MostParts) ?? 0;
        if (count <= 1)
        {
            return first;
        }

        if (number != 0)
        {
            throw first.Error(NumberKey, $"expected the first part of a model, found part {number + 1} of {count}");
        }

        var name = PartName().Match(path);
        if (!name.Success || Number(name) != 1 || name.Groups["count"].Value != Digits(count))
        {
            throw first.Error(CountKey, $"expected a file name that ends in -{Digits(1)}-of-{Digits(count)}.gguf");
        }

        var tensors = first.Tensors.ToBuilder();
        for (int i = 1; i < count; i++)
        {
            string partPath = $"{path[..name.Index]}-{Digits(i + 1)}-of-{Digits(count)}.gguf";
            if (!File.Exists(partPath))
            {
                throw new CheckpointException(partPath, $"expected part {i + 1} of {count}, found no such file");
            }

            var part = GgufFile.Read(open(partPath));
            Require(part, NumberKey, i);
            Require(part, CountKey, count);
            tensors.AddRange(part.Tensors);
        }

        if (first.OptionalInteger(TensorCountKey, 0, int.MaxValue) is int total && total != tensors.Count)
        {
            throw first.Error(TensorCountKey, $"expected {total} tensors in {count} parts, found {tensors.Count}");
        }

        return first.WithTensors(tensors.ToImmutable());
    }

    private static void Require(GgufFile part, string key, int expected)
    {
        if (part.Integer(key, 0, MostParts) is int found && found != expected)
        {
            throw part.Error(key, $"expected {expected}, found {found}");
        }
    }

    private static string Digits(int number) => number.ToString("D5", CultureInfo.InvariantCulture);

    private static int Number(Match part) => int.Parse(part.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"-(?<number>[0-9]{5})-of-(?<count>[0-9]{5})\.gguf\z", RegexOptions.IgnoreCase)]
    private static partial Regex PartName();
}
