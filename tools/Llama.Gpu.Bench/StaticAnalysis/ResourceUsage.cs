using System.Globalization;
using System.Text.RegularExpressions;

namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>What a kernel takes, as <c>ptxas -v</c> says it.</summary>
/// <param name="Registers">Of a lane.</param>
/// <param name="StackBytes">Local memory of a lane.</param>
/// <param name="SpillStoreBytes">Written to local memory for want of registers.</param>
/// <param name="SpillLoadBytes">Read back.</param>
/// <param name="SharedBytes">Static shared memory of a group.</param>
internal sealed partial record ResourceUsage(int Registers, int StackBytes, int SpillStoreBytes, int SpillLoadBytes, int SharedBytes)
{
    /// <summary>Reads the report on a module with one kernel.</summary>
    /// <exception cref="AssemblerException">Something is not said.</exception>
    public static ResourceUsage Parse(string report)
    {
        int Number(Regex pattern) => pattern.Match(report) is { Success: true } match
            ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : throw new AssemblerException($"ptxas has not said '{pattern}'");
        Match shared = Shared().Match(report);
        return new(
            Number(Used()),
            Number(Stack()),
            Number(SpillStores()),
            Number(SpillLoads()),
            shared.Success ? int.Parse(shared.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0);
    }

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Used();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex Stack();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Shared();
}
