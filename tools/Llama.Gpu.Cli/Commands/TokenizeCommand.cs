using System.CommandLine;
using System.Text.Json;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Text to token ids.</summary>
internal sealed class TokenizeCommand : Command
{
    private readonly CliConsole _console;
    private readonly Argument<string?> _text = new("TEXT") { Description = "The text.", Arity = ArgumentArity.ZeroOrOne };
    private readonly TokenizerOptions _tokenizer;
    private readonly Option<bool> _stdin = new("--stdin") { Description = "The text is standard input, all of it." };

    private readonly Option<bool> _jsonl = new("--jsonl")
    {
        Description = "Each line of standard input is a JSON string; a JSON line comes out for each.",
    };

    private readonly Option<bool> _noBos = new("--no-bos") { Description = "Do not begin with the beginning-of-text token." };
    private readonly Option<bool> _special = new("--special") { Description = "Read special tokens in the text as such." };

    public TokenizeCommand(CliConsole console, IModelSource models)
        : base("tokenize", "Prints a text's token ids and what each stands for; bytes that are no whole character as <0xNN>.")
    {
        _console = console;
        _tokenizer = new TokenizerOptions(models);
        Add(_text);
        _tokenizer.AddTo(this);
        Add(_stdin);
        Add(_jsonl);
        Add(_noBos);
        Add(_special);

        // a read of standard input cannot be cancelled, only left behind
        SetAction((parsed, cancellationToken) =>
            Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None).WaitAsync(cancellationToken));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        string? text = parsed.GetValue(_text);
        bool stdin = parsed.GetValue(_stdin);
        bool jsonl = parsed.GetValue(_jsonl);
        int sources = (text is null ? 0 : 1) + (stdin ? 1 : 0) + (jsonl ? 1 : 0);
        if (sources != 1)
        {
            throw new UsageException($"expected one of TEXT, --stdin and --jsonl, found {(sources == 0 ? "none" : "several")}");
        }

        var tokenizer = _tokenizer.Open(parsed);
        int[] Encode(string input) => tokenizer.Encode(input, !parsed.GetValue(_noBos), parsed.GetValue(_special));
        if (jsonl)
        {
            TokenizeLines(tokenizer, Encode, cancellationToken);
            return ExitCode.Success;
        }

        int[] ids = Encode(text ?? _console.In.ReadToEnd());
        if (parsed.GetValue(CommonOptions.Json))
        {
            WriteJson(tokenizer, ids);
        }
        else
        {
            WriteList(tokenizer, ids);
        }

        return ExitCode.Success;
    }

    private void TokenizeLines(ITokenizer tokenizer, Func<string, int[]> encode, CancellationToken cancellationToken)
    {
        int number = 0;
        while (_console.In.ReadLine() is string line)
        {
            cancellationToken.ThrowIfCancellationRequested();
            number++;
            WriteJson(tokenizer, encode(JsonText.Parse(line, number)));
        }
    }

    // the first line is what --raw-ids and detokenize take
    private void WriteList(ITokenizer tokenizer, int[] ids)
    {
        _console.Out.WriteLine(string.Join(',', ids));
        foreach (int id in ids)
        {
            _console.Out.WriteLine($"{id,8}  {JsonSerializer.Serialize(TokenText.Of(tokenizer, id), TokenText.Readable)}");
        }
    }

    private void WriteJson(ITokenizer tokenizer, int[] ids) => JsonLine.Write(_console.Out, json =>
    {
        json.WriteNumbers("ids", ids);
        json.WriteStartArray("pieces");
        foreach (int id in ids)
        {
            json.WriteStringValue(TokenText.Of(tokenizer, id));
        }

        json.WriteEndArray();
    });
}
