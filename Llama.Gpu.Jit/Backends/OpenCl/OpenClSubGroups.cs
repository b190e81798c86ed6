namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>Sub-groups of a device that can be warps: a kernel fixes their size, and their lanes exchange values.</summary>
/// <param name="Size">Lanes of each; a kernel asks for it (<c>cl_intel_required_subgroup_size</c>).</param>
/// <param name="ShuffleFunction">The function that gives the value that another lane passes.</param>
/// <param name="Extension">The extension that has the function.</param>
internal sealed record OpenClSubGroups(int Size, string ShuffleFunction, string Extension)
{
    /// <summary>The extension by which a kernel fixes the size.</summary>
    public const string RequiredSize = "cl_intel_required_subgroup_size";

    private const string IntelShuffle = "cl_intel_subgroups";
    private const string KhronosShuffle = "cl_khr_subgroup_shuffle";

    // the kernels are made for warps of 16 or 32; wider ones leave a lane fewer registers on devices that offer the choice
    private static readonly int[] Preferred = [16, 32];

    /// <summary>Whether the functions need OpenCL C 2.0 or later.</summary>
    public bool NeedsLanguage2 => Extension == KhronosShuffle;

    /// <summary>Stands before a kernel that uses them.</summary>
    public string Attribute => $"__attribute__((intel_reqd_sub_group_size({Size}))) ";

    /// <summary>
    /// What a device offers; null where the size cannot be fixed or there is no shuffle of any lane: then lanes exchange values through
    /// local memory.
    /// </summary>
    /// <param name="extensions">The device's extensions.</param>
    /// <param name="sizes">The sizes that a kernel may ask for (<c>CL_DEVICE_SUB_GROUP_SIZES_INTEL</c>).</param>
    /// <param name="languageVersion">The newest OpenCL C: 12 for 1.2.</param>
    public static OpenClSubGroups? Offered(IReadOnlySet<string> extensions, IReadOnlyCollection<long> sizes, int languageVersion)
    {
        int size = Preferred.FirstOrDefault(size => sizes.Contains(size));
        if (size == 0 || !extensions.Contains(RequiredSize))
        {
            return null;
        }

        return extensions.Contains(IntelShuffle) ? new(size, "intel_sub_group_shuffle", IntelShuffle)
            : extensions.Contains(KhronosShuffle) && languageVersion >= 20 ? new(size, "sub_group_shuffle", KhronosShuffle)
            : null;
    }
}
