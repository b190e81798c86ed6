using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Generation;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>What <c>generate</c> does with several beams: nothing is shown before the search is over.</summary>
internal sealed class BeamRun(CliConsole console, LoadedModel model, ITokenizer? tokenizer)
{
    /// <summary>Searches and prints the best text, or with <paramref name="json"/> all that were found.</summary>
    public async Task RunAsync(int[] prompt, string echo, int contextLength, BeamSearchOptions options, bool json, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        using var search = new BeamSearch(
            () => model.CreateSession(contextLength), [.. model.Config.EndOfTextIds, .. tokenizer?.EndOfTextIds ?? []]);
        var found = await search.SearchAsync(prompt, options, cancellationToken).ConfigureAwait(false);
        if (json)
        {
            WriteJson(prompt, found);
            return;
        }

        var best = found[0];
        console.Out.Write(tokenizer is null ? string.Join(' ', best.Ids) : echo + TextOf(best));
        console.Out.Write('\n');
        console.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"[{prompt.Length} prompt tokens; {best.Ids.Length} tokens, {options.Width} beams in {clock.Elapsed.TotalSeconds:0.00} s; "
            + $"score {best.Score:0.0000}; {GenerationNames.Of(best.StopReason)}; {model.Device}]"));
    }

    private void WriteJson(int[] prompt, ImmutableArray<BeamHypothesis> found) => JsonLine.Write(console.Out, json =>
    {
        json.WriteString("text", TextOf(found[0]));
        json.WriteNumbers("ids", found[0].Ids);
        json.WriteNumbers("prompt_ids", prompt);
        json.WriteString("stop_reason", GenerationNames.Of(found[0].StopReason));
        json.WriteStartArray("beams");
        foreach (var beam in found)
        {
            json.WriteStartObject();
            json.WriteString("text", TextOf(beam));
            json.WriteNumbers("ids", beam.Ids);
            json.WriteNumber("log_probability", beam.LogProbability);
            json.WriteNumber("score", beam.Score);
            json.WriteString("stop_reason", GenerationNames.Of(beam.StopReason));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumberOrNull("peak_device_bytes", model.PeakDeviceBytes);
        json.WriteNumber("streamed_bytes_per_token", model.StreamedBytesPerToken);
        json.WriteString("device", model.Device);
    });

    // a model's vocabulary may be padded beyond its tokenizer's
    private string? TextOf(BeamHypothesis beam) =>
        tokenizer?.Decode([.. beam.Ids.Where(id => id < tokenizer.VocabularySize)]);
}
