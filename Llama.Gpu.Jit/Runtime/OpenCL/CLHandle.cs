using Microsoft.Win32.SafeHandles;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>
/// An object of the driver, released when nothing refers to it any more. The driver counts references itself: an object that
/// others still need, such as a buffer of a launch under way, stays until they are done.
/// </summary>
internal sealed class CLHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly Func<nint, CLError> _release;

    public CLHandle(nint value, Func<nint, CLError> release)
        : base(ownsHandle: true)
    {
        _release = release;
        SetHandle(value);
    }

    /// <summary>The driver's own value.</summary>
    public nint Value => handle;

    protected override bool ReleaseHandle() => _release(handle) == CLError.Success;
}
