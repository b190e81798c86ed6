using System.Globalization;

namespace Llama.Gpu.Scheduling;

/// <summary>The caches of the host's processor, as far as slots depend on them.</summary>
internal static class HostCache
{
    // what processors of the last ten years have at least, taken where the system does not say
    private const long UsualBytes = 512 << 10;

    private static readonly Lazy<long> LazySecondLevel = new(() => Find("/sys/devices/system/cpu/cpu0/cache"));

    /// <summary>
    /// Size of a staging slot, whose two pieces take half of the second-level caches of all cores together: these are indexed by physical
    /// addresses, so that more of it would be evicted here and there.
    /// </summary>
    public static long SlotBytes => Math.Max(MemoryPlan.SmallestSlot, LazySecondLevel.Value * Environment.ProcessorCount / 2);

    /// <summary>Bytes of a core's second-level cache.</summary>
    /// <param name="directory">Where Linux describes the caches of a core.</param>
    internal static long Find(string directory)
    {
        try
        {
            foreach (string cache in Directory.EnumerateDirectories(directory, "index*"))
            {
                string level = File.ReadAllText(Path.Combine(cache, "level")).Trim();
                string size = File.ReadAllText(Path.Combine(cache, "size")).Trim();
                if (level == "2" && long.TryParse(size.TrimEnd('K'), NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes) && kibibytes > 0)
                {
                    return kibibytes << 10;
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // no such description, as in some containers
        }

        return UsualBytes;
    }
}
