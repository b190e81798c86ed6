using System.Diagnostics;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>
/// A context of the driver: a device's primary one, retained until the accelerator is disposed, or the caller's own. It is made
/// current for the length of a call and the thread's own put back after, so that the caller's GPU program is not disturbed.
/// </summary>
internal sealed unsafe class CudaContextHandle
{
    private readonly int _device;
    private readonly bool _retained;
    private int _released;

    private CudaContextHandle(nint value, int device, bool retained)
    {
        Value = value;
        _device = device;
        _retained = retained;
    }

    /// <summary>The driver's own value.</summary>
    public nint Value { get; }

    /// <summary>The context that CUDA's runtime library uses too.</summary>
    public static CudaContextHandle Primary(int device)
    {
        nint context;
        CudaException.ThrowIfFailed(CudaNative.cuDevicePrimaryCtxRetain(&context, device), nameof(CudaNative.cuDevicePrimaryCtxRetain));
        return new(context, device, retained: true);
    }

    /// <summary>A context that is the caller's to keep and to destroy.</summary>
    public static CudaContextHandle Borrowed(nint context, int device) => new(context, device, retained: false);

    /// <summary>The device of a context.</summary>
    public static int DeviceOf(nint context)
    {
        using var scope = new Scope(context);
        int device;
        CudaException.ThrowIfFailed(CudaNative.cuCtxGetDevice(&device), nameof(CudaNative.cuCtxGetDevice));
        return device;
    }

    /// <summary>Makes it current until the result is disposed.</summary>
    public Scope Enter()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _released) != 0, this);
        return new(Value);
    }

    /// <summary>Makes it current, for releasing objects: not if it has been given back, or the driver refuses.</summary>
    public bool TryEnter() => Volatile.Read(ref _released) == 0 && CudaNative.cuCtxPushCurrent_v2(Value) == CudaError.Success;

    /// <summary>Puts the thread's own context back.</summary>
    public static nint Leave()
    {
        nint popped = 0;
        CudaNative.cuCtxPopCurrent_v2(&popped);
        return popped;
    }

    /// <summary>Gives a primary context back.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0 && _retained)
        {
            CudaNative.cuDevicePrimaryCtxRelease_v2(_device);
        }
    }

    /// <summary>The length of a call.</summary>
    internal readonly ref struct Scope
    {
        private readonly nint _context;

        public Scope(nint context)
        {
            CudaException.ThrowIfFailed(CudaNative.cuCtxPushCurrent_v2(context), nameof(CudaNative.cuCtxPushCurrent_v2));
            _context = context;
        }

        /// <summary>Puts the thread's own context back.</summary>
        public void Dispose()
        {
            nint popped = Leave();
            Debug.Assert(popped == _context, "calls within leave the context as they found it");
        }
    }
}
