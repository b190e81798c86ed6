using System.Text.RegularExpressions;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>What stands in the innermost loop that does most: the one with the most tensor-core instructions, then accesses of 128 bits, then accesses.</summary>
/// <param name="Instructions">All of them.</param>
/// <param name="Tensor">Those of tensor cores: HMMA, and HGMMA of a warp group.</param>
/// <param name="Global">Accesses of global memory; copies to shared memory are such.</param>
/// <param name="GlobalWide">Those of 128 bits a lane, or of a block at once.</param>
/// <param name="Shared">Loads and stores of shared memory.</param>
/// <param name="SharedWide">Those of 128 bits a lane.</param>
/// <param name="IsLoop">Whether there is a loop at all: if not, the figures are the whole code's.</param>
internal sealed record MachineLoop(int Instructions, int Tensor, int Global, int GlobalWide, int Shared, int SharedWide, bool IsLoop);

/// <summary>Machine code as <c>nvdisasm -c</c> prints it.</summary>
internal sealed partial class MachineCode
{
    private static readonly string[] TensorCodes = ["HMMA", "HGMMA", "QGMMA", "IMMA", "IGMMA", "BMMA", "DMMA"];
    private static readonly string[] GlobalCodes = ["LDG", "STG", "LDGSTS", "UTMALDG", "UTMASTG", "UBLKCP"];
    private static readonly string[] SharedCodes = ["LDS", "STS", "LDSM", "STSM"];
    private static readonly string[] BlockCodes = ["UTMALDG", "UTMASTG", "UBLKCP"];

    private readonly List<Instruction> _instructions = [];

    private MachineCode()
    {
    }

    /// <summary>Loads and stores of local memory: registers that did not suffice, or arrays.</summary>
    public int LocalAccesses => _instructions.Count(instruction => instruction.Name is "LDL" or "STL");

    /// <summary>The loop that the time goes into.</summary>
    public MachineLoop MainLoop => Loops()
        .Select(loop => Count(loop.First, loop.Last, isLoop: true))
        .OrderByDescending(loop => loop.Tensor)
        .ThenByDescending(loop => loop.GlobalWide + loop.SharedWide)
        .ThenByDescending(loop => loop.Global + loop.Shared)
        .ThenByDescending(loop => loop.Instructions)
        .FirstOrDefault() ?? Count(0, _instructions.Count - 1, isLoop: false);

    /// <summary>Reads the code of one kernel.</summary>
    public static MachineCode Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var code = new MachineCode();
        var labels = new Dictionary<string, int>();
        foreach (string line in text.Split('\n'))
        {
            if (LabelLine().Match(line) is { Success: true } label)
            {
                labels[label.Groups[1].Value] = code._instructions.Count;
            }
            else if (InstructionLine().Match(line) is { Success: true } match)
            {
                string[] parts = match.Groups[1].Value.Split('.');
                Match target = Target().Match(match.Groups[2].Value);
                code._instructions.Add(new(parts[0], parts, target.Success ? target.Groups[1].Value : null));
            }
        }

        foreach (Instruction instruction in code._instructions)
        {
            instruction.Target = instruction.Label is string label && labels.TryGetValue(label, out int at) ? at : -1;
        }

        return code;
    }

    // a branch to what lies before it closes a loop; those with another inside are left out
    private IEnumerable<(int First, int Last)> Loops()
    {
        (int First, int Last)[] all =
        [
            .. _instructions.Select((instruction, i) => (First: instruction.Target, Last: i, instruction.Name))
                .Where(branch => branch.Name == "BRA" && branch.First >= 0 && branch.First < branch.Last)
                .Select(branch => (branch.First, branch.Last)),
        ];
        return all.Where(loop => !all.Any(other => other != loop && other.First >= loop.First && other.Last <= loop.Last));
    }

    private MachineLoop Count(int first, int last, bool isLoop)
    {
        Instruction[] body = [.. _instructions.Skip(first).Take(last - first + 1)];
        Instruction[] global = [.. body.Where(instruction => GlobalCodes.Contains(instruction.Name))];
        Instruction[] shared = [.. body.Where(instruction => SharedCodes.Contains(instruction.Name))];
        return new(
            body.Length,
            body.Count(instruction => TensorCodes.Contains(instruction.Name)),
            global.Length,
            global.Count(instruction => instruction.Parts.Contains("128") || BlockCodes.Contains(instruction.Name)),
            shared.Length,
            shared.Count(instruction => instruction.Parts.Contains("128") || (instruction.Parts.Contains("4") && instruction.Name is "LDSM" or "STSM")),
            isLoop);
    }

    [GeneratedRegex(@"^\s*(\.L_[\w]+):")]
    private static partial Regex LabelLine();

    // without what never runs (@!PT), which ptxas puts before asynchronous copies
    [GeneratedRegex(@"/\*[0-9a-f]{4,}\*/\s+(?!@!U?PT\b)(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.a-z]*)\s*([^;]*);")]
    private static partial Regex InstructionLine();

    [GeneratedRegex(@"`\((\.L_\w+)\)")]
    private static partial Regex Target();

    private sealed record Instruction(string Name, string[] Parts, string? Label)
    {
        // number of the instruction that a branch leads to
        public int Target { get; set; } = -1;
    }
}
