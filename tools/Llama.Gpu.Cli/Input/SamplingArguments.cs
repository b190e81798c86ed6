using System.CommandLine;
using System.Globalization;
using Llama.Gpu.Generation;

namespace Llama.Gpu.Cli.Input;

/// <summary>The options that say how tokens are chosen.</summary>
internal sealed class SamplingArguments
{
    private static readonly SamplingOptions Defaults = SamplingOptions.Greedy;

    private readonly Option<double> _temperature = Number("--temperature", "Logits are divided by it; 0 is greedy.", Defaults.Temperature);
    private readonly Option<double> _topP = Number("--top-p", "Keep the likeliest tokens up to this share of probability.", Defaults.TopP);
    private readonly Option<double> _minP = Number(
        "--min-p", "Keep tokens of at least this share of the likeliest's probability.", Defaults.MinP);
    private readonly Option<double> _penalty = Number(
        "--repeat-penalty", "Above 1 makes tokens of the context less likely.", Defaults.RepetitionPenalty);

    private readonly Option<int> _topK = new("--top-k")
    {
        Description = "Keep this many of the likeliest tokens; 0 keeps all.", HelpName = "N", DefaultValueFactory = _ => Defaults.TopK,
    };

    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "Seed of the draws; a fresh one by default.", HelpName = "N",
    };

    public void AddTo(Command command)
    {
        command.Add(_temperature);
        command.Add(_topK);
        command.Add(_topP);
        command.Add(_minP);
        command.Add(_penalty);
        command.Add(_seed);
    }

    /// <summary>The options as given; notes those that have no effect.</summary>
    /// <exception cref="UsageException">An option out of its range.</exception>
    public SamplingOptions Get(ParseResult parsed, CliConsole console)
    {
        var options = new SamplingOptions
        {
            Temperature = parsed.GetValue(_temperature),
            TopK = parsed.GetValue(_topK),
            TopP = parsed.GetValue(_topP),
            MinP = parsed.GetValue(_minP),
            RepetitionPenalty = parsed.GetValue(_penalty),
            Seed = parsed.GetValue(_seed),
        };
        try
        {
            options.Validate();
        }
        catch (ArgumentOutOfRangeException exception)
        {
            // the library's message names its property; here the option has another name
            string name = OptionName(exception.ParamName);
            string message = exception.Message.Split(" (Parameter", 2)[0];
            throw new UsageException(name + message[message.IndexOf(':', StringComparison.Ordinal)..]);
        }

        if (options.Temperature == 0)
        {
            var idle = new Option[] { _topK, _topP, _minP, _seed }.Where(option => parsed.GetResult(option) is { Implicit: false });
            foreach (var option in idle)
            {
                console.Note($"note: {option.Name} has no effect without --temperature above 0");
            }
        }

        return options;
    }

    private string OptionName(string? property) => property switch
    {
        nameof(SamplingOptions.Temperature) => _temperature.Name,
        nameof(SamplingOptions.TopK) => _topK.Name,
        nameof(SamplingOptions.TopP) => _topP.Name,
        nameof(SamplingOptions.MinP) => _minP.Name,
        _ => _penalty.Name,
    };

    private static Option<double> Number(string name, string description, double standard) => new(name)
    {
        Description = description,
        HelpName = "X",
        DefaultValueFactory = _ => standard,
        CustomParser = result => CommonOptions.Parse(result, text =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                ? number
                : throw new FormatException($"{name}: expected a number, found '{text}'")),
    };
}
