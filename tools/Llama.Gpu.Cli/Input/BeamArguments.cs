using System.CommandLine;
using Llama.Gpu.Generation;

namespace Llama.Gpu.Cli.Input;

/// <summary>The options of a beam search.</summary>
internal sealed class BeamArguments
{
    private static readonly BeamSearchOptions Defaults = new();

    private readonly Option<int> _beams = CommonOptions.Number("--beams", "N", "Sequences a beam search follows; 1 is no search.", 1);

    private readonly Option<double> _penalty = CommonOptions.Number(
        "--length-penalty", "X", "Of a beam search: above 0 favours long texts, below 0 short ones.", Defaults.LengthPenalty);

    private readonly Option<bool> _early = new("--early-stop")
    {
        Description = "A beam search ends as soon as it has as many texts as beams.",
    };

    public void AddTo(Command command)
    {
        command.Add(_beams);
        command.Add(_penalty);
        command.Add(_early);
    }

    /// <summary>The search asked for; null for none.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="options">What is asked of the generation besides.</param>
    /// <exception cref="UsageException">An option out of its range, or one that a beam search does not go with.</exception>
    public BeamSearchOptions? Get(ParseResult parsed, GenerationOptions options)
    {
        int beams = parsed.GetValue(_beams);
        double penalty = parsed.GetValue(_penalty);
        if (beams < 1)
        {
            throw new UsageException($"--beams: expected at least 1, found {beams}");
        }

        if (!double.IsFinite(penalty))
        {
            throw new UsageException("--length-penalty: expected a finite number, found none");
        }

        if (beams == 1)
        {
            return null;
        }

        if (options.Sampling with { Seed = null } != SamplingOptions.Greedy)
        {
            throw new UsageException("--beams: expected no --temperature and no --repeat-penalty beside it, found one");
        }

        if (!options.StopStrings.IsEmpty || options.LogProbabilities is not null || options.MaxTokens < 1)
        {
            throw new UsageException("--beams: expected no --stop, no --log-probs and at least 1 for --max-tokens beside it, found one");
        }

        return new BeamSearchOptions
        {
            Width = beams, LengthPenalty = penalty, EarlyStop = parsed.GetValue(_early), MaxTokens = options.MaxTokens ?? Defaults.MaxTokens,
        };
    }
}
