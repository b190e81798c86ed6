namespace Llama.Gpu.Bench.StaticAnalysis;

/// <summary>What one access of a warp costs, and what it costs at least for as much data.</summary>
/// <param name="Parts">Passes over the banks of shared memory, or sectors of global memory.</param>
/// <param name="Least">The fewest for as many different words.</param>
internal readonly record struct WarpAccess(long Parts, long Least)
{
    private const int Banks = 32;
    private const int WordBytes = 4;
    private const int SectorBytes = 32;
    private const int WidestAccess = 16;

    /// <summary>The sum of two.</summary>
    public static WarpAccess operator +(WarpAccess first, WarpAccess second) => new(first.Parts + second.Parts, first.Least + second.Least);

    /// <summary>
    /// An access of shared memory: 32 banks of 4 bytes, of each of which a pass gives one word, to any number of lanes. 8 bytes a lane are
    /// fetched by halves of a warp, 16 by quarters.
    /// </summary>
    /// <param name="addresses">Where each lane reads or writes; null for a lane that does not.</param>
    /// <param name="bytes">Bytes of a lane: 1 to 16.</param>
    public static WarpAccess Shared(ReadOnlySpan<long?> addresses, int bytes)
    {
        int together = bytes <= WordBytes ? addresses.Length : addresses.Length * WordBytes / Math.Min(bytes, WidestAccess);
        WarpAccess sum = default;
        for (int first = 0; first < addresses.Length; first += together)
        {
            var words = new HashSet<long>();
            foreach (long? address in addresses.Slice(first, Math.Min(together, addresses.Length - first)))
            {
                for (long word = address / WordBytes ?? 0; word < (address + bytes + WordBytes - 1) / WordBytes; word++)
                {
                    words.Add(word);
                }
            }

            if (words.Count > 0)
            {
                sum += new WarpAccess(words.GroupBy(word => word % Banks).Max(bank => bank.Count()), (words.Count + Banks - 1) / Banks);
            }
        }

        return sum;
    }

    /// <summary>An access of global memory, in sectors of 32 bytes.</summary>
    /// <param name="addresses">Where each lane reads or writes; null for a lane that does not.</param>
    /// <param name="bytes">Bytes of a lane.</param>
    public static WarpAccess Global(ReadOnlySpan<long?> addresses, int bytes)
    {
        var places = new HashSet<long>();
        var sectors = new HashSet<long>();
        foreach (long? found in addresses)
        {
            if (found is long address && places.Add(address))
            {
                for (long sector = address / SectorBytes; sector <= (address + bytes - 1) / SectorBytes; sector++)
                {
                    sectors.Add(sector);
                }
            }
        }

        return new(sectors.Count, ((places.Count * (long)bytes) + SectorBytes - 1) / SectorBytes);
    }
}
