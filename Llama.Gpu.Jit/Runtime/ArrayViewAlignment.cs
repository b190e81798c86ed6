namespace Llama.Gpu.Jit.Runtime;

/// <summary>Where views begin: for launchers whose kernel needs aligned addresses. ILGPU has no such member.</summary>
public static class ArrayViewAlignment
{
    /// <summary>Whether the view begins at a multiple of a number of bytes.</summary>
    public static bool IsAlignedTo<T>(this ArrayView<T> view, int bytes)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        return view.Address % bytes == 0;
    }
}
