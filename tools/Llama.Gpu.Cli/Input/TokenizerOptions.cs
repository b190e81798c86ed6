using System.CommandLine;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Cli.Input;

/// <summary>Which tokenizer: a model's, or a file.</summary>
internal sealed class TokenizerOptions(IModelSource models)
{
    private readonly Option<string> _model = CommonOptions.Model();
    private readonly Option<string> _file =
        CommonOptions.FilePath("--tokenizer", "FILE", "Tokenizer file, instead of a model's.");


    public void AddTo(Command command)
    {
        command.Add(_model);
        command.Add(_file);
    }

    /// <summary>Opens the tokenizer asked for.</summary>
    /// <exception cref="UsageException">Neither option, or both.</exception>
    /// <exception cref="TokenizerException">No tokenizer there, or one that cannot be used.</exception>
    public ITokenizer Open(ParseResult parsed)
    {
        string? directory = parsed.GetValue(_model);
        string? file = parsed.GetValue(_file);
        if (directory is null == file is null)
        {
            throw new UsageException($"expected one of --model and --tokenizer, found {(file is null ? "neither" : "both")}");
        }

        return file is not null
            ? models.OpenTokenizer(file)
            : models.FindTokenizer(directory!)
                ?? throw new TokenizerException(directory!, "expected a tokenizer.json or a tokenizer.model, found neither");
    }
}
