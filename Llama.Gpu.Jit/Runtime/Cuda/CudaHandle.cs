using Microsoft.Win32.SafeHandles;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>
/// An object of the driver, released when nothing refers to it any more. Made with the accelerator's context current; the driver
/// finds the context of streams, events and graphs by itself, and modules and memory are released within it.
/// </summary>
internal sealed class CudaHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly CudaContextHandle _context;
    private readonly Func<nint, CudaError> _release;

    public CudaHandle(CudaContextHandle context, nint value, Func<nint, CudaError> release)
        : base(ownsHandle: true)
    {
        _context = context;
        _release = release;
        SetHandle(value);
    }

    /// <summary>The driver's own value.</summary>
    /// <exception cref="ObjectDisposedException">It has been released.</exception>
    public nint Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    // a context that is gone has taken all of its objects with it
    protected override bool ReleaseHandle()
    {
        if (!_context.TryEnter())
        {
            return true;
        }

        try
        {
            return _release(handle) == CudaError.Success;
        }
        finally
        {
            CudaContextHandle.Leave();
        }
    }
}
