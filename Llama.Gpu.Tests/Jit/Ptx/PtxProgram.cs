using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>A line of PTX taken apart.</summary>
/// <param name="Guard">The predicate it depends on, or null.</param>
/// <param name="Negated">Whether it runs where the predicate is false.</param>
/// <param name="Name">First word of the operation.</param>
/// <param name="Modifiers">The other words.</param>
/// <param name="Operands">The operands; one in braces is a list.</param>
internal sealed record PtxLine(string? Guard, bool Negated, string Name, string[] Modifiers, string[][] Operands);

/// <summary>The body of a module's kernel, with names of inner scopes made unique and labels resolved.</summary>
internal sealed partial class PtxProgram
{
    private readonly List<Dictionary<string, string>> _scopes = [];
    private int _scopeCount;

    private PtxProgram(string module)
    {
        string body = module[(module.IndexOf("{\n", module.IndexOf(".entry", StringComparison.Ordinal), StringComparison.Ordinal) + 2)..];
        string[] lines = [.. body.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
        _scopes.Add([]);
        int bytes = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            switch (lines[i])
            {
                case "{":
                    _scopes.Add(LabelsOf(lines, i));
                    break;
                case "}":
                    _scopes.RemoveAt(_scopes.Count - 1);
                    break;
                case [.. var label, ':']:
                    Labels.Add(Resolve(label), Lines.Count);
                    break;
                case var line when line.StartsWith(".reg", StringComparison.Ordinal):
                    Declare(line);
                    break;
                case var line when line.StartsWith(".shared", StringComparison.Ordinal) || line.StartsWith(".local", StringComparison.Ordinal):
                    Match variable = VariablePattern().Match(line);
                    Variables.Add(variable.Groups[1].Value, bytes);
                    bytes += (int.Parse(variable.Groups[2].ValueSpan, CultureInfo.InvariantCulture) + 15) & ~15;
                    break;
                case ['.', ..]:
                    break;
                case var line:
                    Lines.Add(Parse(line));
                    break;
            }
        }

        // dynamic shared memory lies behind the rest; the machine has some left for it
        if (DynamicPattern().Match(module) is { Success: true } found)
        {
            Variables.Add(found.Groups[1].Value, bytes);
        }
    }

    public List<PtxLine> Lines { get; } = [];

    public Dictionary<string, int> Labels { get; } = [];

    /// <summary>Where each array begins; those of shared and of local memory are counted together.</summary>
    public Dictionary<string, int> Variables { get; } = [];

    public static PtxProgram Parse(string module, string name)
    {
        Assert.That(module, Does.Contain($".entry {name}("));
        return new PtxProgram(module);
    }

    // a label is known in its whole scope, before it too
    private Dictionary<string, string> LabelsOf(string[] lines, int open)
    {
        var names = new Dictionary<string, string>();
        _scopeCount++;
        int depth = 0;
        for (int i = open; i < lines.Length; i++)
        {
            depth += lines[i] switch { "{" => 1, "}" => -1, _ => 0 };
            if (depth == 0)
            {
                break;
            }

            if (depth == 1 && lines[i].EndsWith(':'))
            {
                names.Add(lines[i][..^1], $"{lines[i][..^1]}@{_scopeCount}");
            }
        }

        return names;
    }

    private void Declare(string line)
    {
        if (_scopes.Count > 1)
        {
            foreach (Match name in NamePattern().Matches(line[(line.IndexOf(' ', 5) + 1)..]))
            {
                _scopes[^1].Add(name.Value, $"{name.Value}@{_scopeCount}");
            }
        }
    }

    private string Resolve(string name)
    {
        for (int i = _scopes.Count - 1; i >= 0; i--)
        {
            if (_scopes[i].TryGetValue(name, out string? unique))
            {
                return unique;
            }
        }

        return name;
    }

    private PtxLine Parse(string line)
    {
        Match match = LinePattern().Match(line);
        Assert.That(match.Success, line);
        string[] words = match.Groups["op"].Value.Split('.');
        string[][] operands = [.. OperandPattern().Matches(match.Groups["rest"].Value)
            .Select(operand => operand.Value.Trim('{', '}').Split(',', StringSplitOptions.TrimEntries))
            .Select(names => names.Select(ResolveAll).ToArray())];
        string guard = match.Groups["guard"].Value;
        return new PtxLine(
            guard.Length > 0 ? Resolve(guard.TrimStart('!')) : null, guard.StartsWith('!'), words[0], words[1..], operands);
    }

    // in an address stand names beside brackets and sums
    private string ResolveAll(string operand) => OperandNamePattern().Replace(operand, name => Resolve(name.Value));

    [GeneratedRegex(@"\.extern \.shared .*?(\w+)\[\];")]
    private static partial Regex DynamicPattern();

    [GeneratedRegex(@"^(@(?<guard>!?[%\w]+) )?(?<op>[\w.:]+)( (?<rest>.*))?;$")]
    private static partial Regex LinePattern();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")]
    private static partial Regex OperandPattern();

    [GeneratedRegex(@"\.b8 (\w+)\[(\d+)\]")]
    private static partial Regex VariablePattern();

    [GeneratedRegex(@"\w+")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"[%\w.]+")]
    private static partial Regex OperandNamePattern();
}
