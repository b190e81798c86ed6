using Llama.Gpu.Generation;
using Microsoft.Extensions.AI;

namespace Llama.Gpu.Chat;

/// <summary>What a call's options of Microsoft.Extensions.AI are to a generation.</summary>
internal static class ChatClientOptions
{
    /// <summary>Maps a call's options.</summary>
    /// <param name="client">Given to the factory of raw options.</param>
    /// <param name="options">The call's; null for none.</param>
    /// <param name="defaults">What holds where the call says nothing.</param>
    /// <param name="format">Its stop strings are added, and it says whether answers are texts of their own.</param>
    /// <exception cref="ChatException">An option that cannot be carried out.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option out of its range.</exception>
    public static GenerationOptions Map(IChatClient client, ChatOptions? options, GenerationOptions defaults, ChatFormat format)
    {
        var basis = options?.RawRepresentationFactory?.Invoke(client) as GenerationOptions ?? defaults;
        string[] stops = [.. basis.StopStrings.IsDefault ? [] : basis.StopStrings, .. options?.StopSequences ?? [], .. format.StopStrings];
        if (options is not null)
        {
            Check(options);
            var sampling = basis.Sampling;
            basis = basis with
            {
                MaxTokens = options.MaxOutputTokens ?? basis.MaxTokens,
                Sampling = sampling with
                {
                    Temperature = options.Temperature ?? sampling.Temperature,
                    TopP = options.TopP ?? sampling.TopP,
                    TopK = options.TopK ?? sampling.TopK,
                    Seed = options.Seed is long seed ? unchecked((ulong)seed) : sampling.Seed,
                },
            };
        }

        basis.Sampling.Validate();
        return basis with
        {
            StopStrings = [.. stops.Where(stop => stop.Length > 0).Distinct()],
            StandsAlone = format.AnswersStandAlone,
        };
    }

    // better refused than silently left out
    private static void Check(ChatOptions options)
    {
        Refuse(options.Tools is { Count: > 0 }, "tools");
        Refuse(options.ResponseFormat is not (null or ChatResponseFormatText), "a format of the answer other than text");
        Refuse(options.FrequencyPenalty is not (null or 0), "a frequency penalty");
        Refuse(options.PresencePenalty is not (null or 0), "a presence penalty");
        Refuse(options.ConversationId is not null, "a stored conversation");
    }

    private static void Refuse(bool found, string what)
    {
        if (found)
        {
            throw new ChatException($"options: expected none that this client cannot carry out, found {what}");
        }
    }
}
