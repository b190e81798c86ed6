using Spectre.Console;

namespace Llama.Gpu.Cli.Output;

/// <summary>Tables for people.</summary>
internal static class Tables
{
    // wide enough for any tensor's name: what goes to a file or a pipe is not wrapped
    private const int UnwatchedWidth = 1000;

    /// <summary>An empty table with these columns.</summary>
    public static Table New(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(Markup.Escape(column)));
        }

        return table;
    }

    /// <summary>Adds a row of plain text.</summary>
    public static void Add(this Table table, params string[] cells) => table.AddRow([.. cells.Select(cell => new Text(cell))]);

    /// <summary>Writes a table to the console's output.</summary>
    public static void Write(CliConsole console, Table table) => For(console, console.Out).Write(table);

    /// <summary>Spectre's console over one of ours.</summary>
    public static IAnsiConsole For(CliConsole console, TextWriter writer)
    {
        var ansi = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = console.Watched ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = console.Watched ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!console.Watched)
        {
            ansi.Profile.Width = UnwatchedWidth;
        }

        return ansi;
    }
}
