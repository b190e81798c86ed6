using System.CommandLine;
using System.CommandLine.Parsing;

namespace Llama.Gpu.Cli.Input;

/// <summary>Options that several verbs share.</summary>
internal static class CommonOptions
{
    /// <summary>Of the root, so that every verb has it.</summary>
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "One JSON object a line on standard output.",
        Recursive = true,
    };

    public static Option<string?> Model() => new("--model", "-m")
    {
        Description = "Folder of the checkpoint.",
        HelpName = "DIR",
    };

    public static Option<string> RequiredModel() => new("--model", "-m")
    {
        Description = "Folder of the checkpoint.",
        HelpName = "DIR",
        Required = true,
    };

    public static Option<string?> Tokenizer() => new("--tokenizer")
    {
        Description = "Tokenizer file, instead of a model's.",
        HelpName = "FILE",
    };

    public static Option<int[]?> RawIds() => Parsed("--raw-ids", "1,2,3", "Token ids instead of a text; needs no tokenizer.", IdList.Parse);

    /// <summary>The ids given, or null if the option was not.</summary>
    public static int[]? GetRawIds(ParseResult parsed, Option<int[]?> option) =>
        parsed.GetValue(option) is { Length: > 0 } ids ? ids : null;

    /// <summary>An option that a function reads; what the function objects to is wrong usage.</summary>
    public static Option<T?> Parsed<T>(string name, string helpName, string description, Func<string, T> parse) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result => Parse(result, parse),
    };

    /// <summary>Reads an argument's one token with a function; what the function objects to is wrong usage.</summary>
    public static T? Parse<T>(ArgumentResult result, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens.Single().Value);
        }
        catch (FormatException exception)
        {
            result.AddError(exception.Message);
            return default;
        }
    }
}
