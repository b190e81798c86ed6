using System.Globalization;

namespace Llama.Gpu.Scheduling;

/// <summary>A model or a session that does not fit into its budget of device memory; the message says what takes how much.</summary>
public sealed class MemoryBudgetException : LlamaException
{
    /// <param name="budget">The budget in bytes.</param>
    /// <param name="smallest">The smallest budget that would do, in bytes.</param>
    /// <param name="detail">What takes it.</param>
    public MemoryBudgetException(long budget, long smallest, string detail)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"device memory budget of {budget} bytes ({Mebibytes(budget)}) is too small: expected at least {smallest} bytes ({Mebibytes(smallest)}): {detail}"))
    {
        Budget = budget;
        Smallest = smallest;
    }

    /// <summary>The budget in bytes.</summary>
    public long Budget { get; }

    /// <summary>The smallest budget that would do, in bytes.</summary>
    public long Smallest { get; }

    // rounded up, so that the number of MiB is a budget that works
    internal static string Mebibytes(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes * 10.0 / (1 << 20)) / 10:0.0} MiB");
}
