using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu.Jit;

/// <summary>Where this group stands in the launch. Device side: only inside a kernel.</summary>
public static class Grid
{
    /// <summary>This group's index in x.</summary>
    public static int IdxX => Lane.Active.Group.Index.X;

    /// <summary>This group's index in y.</summary>
    public static int IdxY => Lane.Active.Group.Index.Y;

    /// <summary>This group's index in z.</summary>
    public static int IdxZ => Lane.Active.Group.Index.Z;

    /// <summary>Groups in x.</summary>
    public static int DimX => Lane.Active.Group.Config.GridDim.X;

    /// <summary>Groups in y.</summary>
    public static int DimY => Lane.Active.Group.Config.GridDim.Y;

    /// <summary>Groups in z.</summary>
    public static int DimZ => Lane.Active.Group.Config.GridDim.Z;

    /// <summary>This group's index.</summary>
    public static Index3D Index => Lane.Active.Group.Index;

    /// <summary>Groups in each dimension.</summary>
    public static Index3D Dimension => Lane.Active.Group.Config.GridDim;

    /// <summary>This group's index, counted through x, then y, then z.</summary>
    public static int LinearIndex => ((IdxZ * DimY) + IdxY) * DimX + IdxX;

    /// <summary>This lane's index in the whole launch, in each dimension.</summary>
    public static Index3D GlobalIndex => new(
        (IdxX * Group.DimX) + Group.IdxX,
        (IdxY * Group.DimY) + Group.IdxY,
        (IdxZ * Group.DimZ) + Group.IdxZ);
}
