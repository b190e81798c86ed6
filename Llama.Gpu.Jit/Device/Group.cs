using System.Runtime.CompilerServices;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>Where this lane stands in its group, and what the group does together. Device side: only inside a kernel.</summary>
public static class Group
{
    /// <summary>This lane's index in x.</summary>
    public static int IdxX => Lane.Active.Index.X;

    /// <summary>This lane's index in y.</summary>
    public static int IdxY => Lane.Active.Index.Y;

    /// <summary>This lane's index in z.</summary>
    public static int IdxZ => Lane.Active.Index.Z;

    /// <summary>Lanes in x.</summary>
    public static int DimX => Lane.Active.Group.Config.GroupDim.X;

    /// <summary>Lanes in y.</summary>
    public static int DimY => Lane.Active.Group.Config.GroupDim.Y;

    /// <summary>Lanes in z.</summary>
    public static int DimZ => Lane.Active.Group.Config.GroupDim.Z;

    /// <summary>This lane's index.</summary>
    public static Index3D Index => Lane.Active.Index;

    /// <summary>Lanes in each dimension.</summary>
    public static Index3D Dimension => Lane.Active.Group.Config.GroupDim;

    /// <summary>This lane's index, counted through x, then y, then z.</summary>
    public static int LinearIndex => Lane.Active.LinearIndex;

    /// <summary>Whether this is the first lane.</summary>
    public static bool IsFirstThread => LinearIndex == 0;

    /// <summary>Whether this is the last lane.</summary>
    public static bool IsLastThread => LinearIndex == Dimension.Size - 1;

    /// <summary>Waits until every lane of the group is here; what they wrote before is visible after. Group-uniform control flow only.</summary>
    /// <param name="line">Filled in by the C# compiler, for the sanitizer's messages; ILGPU has no such parameter, and no caller passes it.</param>
    public static void Barrier([CallerLineNumber] int line = 0) => Lane.Active.GroupBarrier(line);

    /// <summary>Gives every lane the value that one lane passes.</summary>
    /// <param name="value">Read from lane <paramref name="groupIndex"/> alone.</param>
    /// <param name="groupIndex">The linear index of that lane, the same in every lane.</param>
    public static T Broadcast<T>(T value, int groupIndex)
        where T : unmanaged => Lane.Active.GroupExchange(value, groupIndex);
}
