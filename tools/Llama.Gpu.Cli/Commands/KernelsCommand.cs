using System.CommandLine;
using Llama.Gpu.Cli.Input;
using Llama.Gpu.Cli.Output;
using Llama.Gpu.Jit.Backends;
using Llama.Gpu.Jit.Backends.Ptx;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Cli.Commands;

/// <summary>Writes every kernel as compiled for a target.</summary>
internal sealed class KernelsCommand : Command
{
    private const string DefaultArchitecture = "sm_80";

    private static readonly Dictionary<string, string> Extensions = new() { ["ptx"] = "ptx", ["opencl"] = "cl", ["ir"] = "ir" };

    private readonly CliConsole _console;

    private readonly Argument<string> _name = new("name")
    {
        Description = "Only those whose name has this in it, such as MatVec.bf16; all by default.", Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _emit = new("--emit")
    {
        Description = "What to write: PTX, OpenCL C, or the compiler's own form after its passes.", HelpName = "ptx|opencl|ir", Required = true,
    };

    private readonly Option<string> _architecture = new("--arch")
    {
        Description = $"Target of PTX: {string.Join(", ", PtxTarget.Names)}; {DefaultArchitecture} by default.", HelpName = "NAME",
    };

    private readonly Option<string> _out = new("--out", "-o") { Description = "Folder to write to; made if it is not there.", HelpName = "DIR", Required = true };

    private readonly Option<bool> _unaligned = new("--unaligned")
    {
        Description = "Takes no address and no extent to be a multiple of 16, as they are in a model's launches.",
    };

    public KernelsCommand(CliConsole console)
        : base("kernels", "Writes one file a kernel as compiled for a target; needs no GPU.")
    {
        _console = console;
        Add(_name);
        Add(_emit);
        Add(_architecture);
        Add(_out);
        Add(_unaligned);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        string emit = parsed.GetRequiredValue(_emit);
        if (!Extensions.TryGetValue(emit, out string? extension))
        {
            throw new UsageException($"--emit: expected one of {string.Join(", ", Extensions.Keys)}, found '{emit}'");
        }

        string? architecture = parsed.GetValue(_architecture);
        if (architecture is not null && emit != "ptx")
        {
            throw new UsageException($"--arch: only ptx has a target, not {emit}");
        }

        if (architecture is not null && !PtxTarget.Names.Contains(architecture))
        {
            throw new UsageException($"--arch: expected one of {string.Join(", ", PtxTarget.Names)}, found '{architecture}'");
        }

        var target = PtxTarget.Parse(architecture ?? DefaultArchitecture);
        string folder = parsed.GetRequiredValue(_out);
        bool aligned = !parsed.GetValue(_unaligned);
        string name = parsed.GetValue(_name) ?? string.Empty;
        CatalogedKernel[] kernels = [.. KernelCatalog.OfGpus.Where(kernel =>
            kernel.Name.Contains(name, StringComparison.OrdinalIgnoreCase) && IsOffered(kernel, emit, target))];
        if (kernels.Length == 0)
        {
            throw new UsageException($"name: no kernel that {emit} is written of has '{name}' in its name");
        }

        Directory.CreateDirectory(folder);
        foreach (CatalogedKernel kernel in kernels)
        {
            string text = emit switch
            {
                "ptx" => KernelText.Ptx(kernel.Method, new PtxOptions(target, kernel.Lanes), aligned).Text,
                "opencl" => KernelText.OpenCl(kernel.Method, aligned),
                _ => KernelText.Ir(kernel.Method, aligned),
            };
            string path = Path.Combine(folder, $"{kernel.Name}.{extension}");
            File.WriteAllText(path, text);
            Report(parsed, kernel, path, text);
        }

        return ExitCode.Success;
    }

    private static bool IsOffered(CatalogedKernel kernel, string emit, PtxTarget target) => emit switch
    {
        "ptx" => kernel.IsFor(target),
        "opencl" => kernel.Target == KernelTarget.Any,
        _ => true,
    };

    private void Report(ParseResult parsed, CatalogedKernel kernel, string path, string text)
    {
        if (!parsed.GetValue(CommonOptions.Json))
        {
            _console.Out.WriteLine(path);
            return;
        }

        JsonLine.Write(_console.Out, json =>
        {
            json.WriteString("kernel", kernel.Name);
            json.WriteString("file", path);
            json.WriteNumber("bytes", text.Length);
            json.WriteNumber("lanes", kernel.Lanes);
        });
    }
}
