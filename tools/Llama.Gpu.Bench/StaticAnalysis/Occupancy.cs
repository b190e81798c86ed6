namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>How many warps of a kernel a multiprocessor holds at once.</summary>
/// <param name="Warps">The warps.</param>
/// <param name="Limit">What there would have to be more of: <c>registers</c>, <c>shared memory</c>, <c>warps</c> or <c>groups</c>.</param>
/// <remarks>NVIDIA, CUDA C++ Programming Guide, table of technical specifications by compute capability; allocation units as in the
/// occupancy calculator.</remarks>
internal readonly record struct Occupancy(int Warps, string Limit)
{
    /// <summary>Most warps of a multiprocessor of compute capability 8.0 and 9.0.</summary>
    public const int MostWarps = 64;

    private const int WarpSize = 32;
    private const int MostGroups = 32;
    private const int Registers = 64 * 1024;
    private const int RegisterUnit = 256;
    private const int WarpUnit = 4;
    private const int SharedUnit = 128;
    private const int ReservedShared = 1024;

    /// <summary>The occupancy of a kernel.</summary>
    /// <param name="architecture"><c>sm_80</c>, <c>sm_90</c> or <c>sm_90a</c>.</param>
    /// <param name="registers">Registers of a lane.</param>
    /// <param name="sharedBytes">Static and dynamic shared memory of a group.</param>
    /// <param name="lanes">Lanes of a group.</param>
    /// <exception cref="ArgumentException">The architecture's limits are not known here.</exception>
    public static Occupancy Of(string architecture, int registers, int sharedBytes, int lanes)
    {
        int shared = 1024 * architecture switch
        {
            "sm_80" => 164,
            "sm_90" or "sm_90a" => 228,
            _ => throw new ArgumentException($"expected sm_80, sm_90 or sm_90a, found '{architecture}'", nameof(architecture)),
        };
        int warps = Up(lanes, WarpSize) / WarpSize;
        int warpsByRegisters = Registers / Up(Math.Max(1, registers) * WarpSize, RegisterUnit) / WarpUnit * WarpUnit;
        (int Groups, string Limit)[] limits =
        [
            (MostWarps / warps, "warps"),
            (MostGroups, "groups"),
            (warpsByRegisters / warps, "registers"),
            (shared / (Up(sharedBytes, SharedUnit) + ReservedShared), "shared memory"),
        ];
        (int groups, string limit) = limits.MinBy(found => found.Groups);
        return new(groups * warps, limit);
    }

    private static int Up(int value, int unit) => (value + unit - 1) / unit * unit;
}
