using System.Reflection;

namespace Llama.Gpu.Jit;

/// <summary>
/// Says of a kernel that so many groups, neighbours in x, form a cluster (<c>.reqnctapercluster</c>): they run at the same time, and share
/// what <see cref="Cluster"/> says. A launch has a multiple of them. CUDA devices of compute capability 9.0 have clusters.
/// </summary>
/// <param name="groups">Groups of a cluster, 2 to 8.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterSizeAttribute(int groups) : Attribute
{
    /// <summary>Groups of a cluster.</summary>
    public int Groups => groups;

    /// <summary>Groups of a kernel's clusters; 1 where it has none.</summary>
    internal static int Of(MethodInfo kernel) => kernel.GetCustomAttribute<ClusterSizeAttribute>()?.Groups ?? 1;
}
