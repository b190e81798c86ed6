using System.CommandLine;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Token ids to text.</summary>
internal sealed class DetokenizeCommand : Command
{
    private readonly CliConsole _console;
    private readonly TokenizerOptions _tokenizer;

    private readonly Argument<int[]?> _ids = new("IDS")
    {
        Description = "Token ids, such as 1,2,3.",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => CommonOptions.Parse(result, IdList.Parse),
    };

    private readonly Option<bool> _special = new("--special") { Description = "Write special tokens by name, rather than leave them out." };

    public DetokenizeCommand(CliConsole console, IModelSource models)
        : base("detokenize", "Prints the text that token ids stand for.")
    {
        _console = console;
        _tokenizer = new TokenizerOptions(models);
        Add(_ids);
        _tokenizer.AddTo(this);
        Add(_special);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        int[] ids = parsed.GetRequiredValue(_ids)!;
        var tokenizer = _tokenizer.Open(parsed);
        IdList.Check(ids, tokenizer.VocabularySize);
        string text = Decode(tokenizer, ids, skipSpecial: !parsed.GetValue(_special));
        if (parsed.GetValue(CommonOptions.Json))
        {
            JsonLine.Write(_console.Out, json => json.WriteString("text", text));
        }
        else
        {
            _console.Out.WriteLine(text);
        }

        return ExitCode.Success;
    }

    private static string Decode(ITokenizer tokenizer, int[] ids, bool skipSpecial)
    {
        try
        {
            return tokenizer.Decode(ids, skipSpecial);
        }
        catch (ArgumentOutOfRangeException exception)
        {
            // a vocabulary may have gaps
            throw new UsageException($"ids: expected ids of tokens, found one without: {exception.Message}");
        }
    }
}
