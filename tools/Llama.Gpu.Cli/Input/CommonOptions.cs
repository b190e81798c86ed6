using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

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

    public static Option<string> Model() => FilePath("--model", "DIR", "Folder of the checkpoint.", "-m");

    public static Option<string> RequiredModel()
    {
        var option = Model();
        option.Required = true;
        return option;
    }

    /// <summary>An option that is a file's or a folder's path.</summary>
    public static Option<string> FilePath(string name, string helpName, string description, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result => Parse(result, text => text.Length > 0
            ? text
            : throw new FormatException($"{name}: expected a path, found an empty one")),
    };

    /// <summary>An option that is a number, with a default.</summary>
    public static Option<T> Number<T>(string name, string helpName, string description, T standard, params string[] aliases)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name, aliases)
        {
            Description = description,
            HelpName = helpName,
            DefaultValueFactory = _ => standard,
            CustomParser = result => Parse(result, text => ParseNumber<T>(name, text)),
        };

    /// <summary>An option that is a number, or null where it is not given.</summary>
    public static Option<T?> OptionalNumber<T>(string name, string helpName, string description, params string[] aliases)
        where T : struct, INumber<T>, IMinMaxValue<T> => Parsed<T?>(name, helpName, description, text => ParseNumber<T>(name, text), aliases);

    public static Option<int[]?> RawIds() => Parsed("--raw-ids", "1,2,3", "Token ids instead of a text; needs no tokenizer.", IdList.Parse);

    /// <summary>The ids given, or null if the option was not.</summary>
    public static int[]? GetRawIds(ParseResult parsed, Option<int[]?> option) => GetList(parsed, option);

    /// <summary>The list given, or null if the option was not.</summary>
    public static T[]? GetList<T>(ParseResult parsed, Option<T[]?> option) => parsed.GetValue(option) is { Length: > 0 } list ? list : null;

    /// <summary>An option that a function reads; what the function objects to is wrong usage.</summary>
    public static Option<T?> Parsed<T>(
        string name, string helpName, string description, Func<string, T> parse, params string[] aliases) => new(name, aliases)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result => Parse(result, parse),
        };

    private static T ParseNumber<T>(string name, string text)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        bool whole = typeof(T) != typeof(double);
        if (T.TryParse(text, whole ? NumberStyles.AllowLeadingSign : NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        throw new FormatException(whole
            ? string.Create(CultureInfo.InvariantCulture, $"{name}: expected a whole number from {T.MinValue} to {T.MaxValue}, found '{text}'")
            : $"{name}: expected a number, found '{text}'");
    }

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
