namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>Brings NVIDIA's devices into a context.</summary>
public static class CudaContextExtensions
{
    /// <summary>Adds every device that can run kernels; none where there is no driver.</summary>
    public static Context.Builder Cuda(this Context.Builder builder) => builder.Cuda(device => device.Problem is null);

    /// <summary>Adds the devices that <paramref name="predicate"/> takes.</summary>
    public static Context.Builder Cuda(this Context.Builder builder, Predicate<CudaDevice> predicate)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(CudaDevice.Find(out _), predicate);
    }

    /// <summary>The CUDA devices of a context, in the driver's order.</summary>
    public static IReadOnlyList<CudaDevice> GetCudaDevices(this Context context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return [.. context.Devices.OfType<CudaDevice>()];
    }

    /// <summary>The CUDA device with this number, counted among the CUDA devices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public static CudaDevice GetCudaDevice(this Context context, int cudaDeviceIndex)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.GetDevice<CudaDevice>(cudaDeviceIndex);
    }

    /// <summary>An accelerator for the CUDA device with this number, on its primary context.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public static CudaAccelerator CreateCudaAccelerator(this Context context, int cudaDeviceIndex) =>
        context.GetCudaDevice(cudaDeviceIndex).CreateCudaAccelerator(context);

    /// <summary>
    /// An accelerator on a context (<c>CUcontext</c>) of the caller's own GPU program, whose memory and streams kernels can then
    /// use. The context stays the caller's: it must outlive the accelerator, and is not destroyed with it.
    /// </summary>
    /// <param name="context">The context of this library; the device must be one of its devices.</param>
    /// <param name="cudaContext">The driver's context.</param>
    /// <exception cref="ArgumentException">The device of the driver's context is not in the context.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public static CudaAccelerator CreateCudaAcceleratorOn(this Context context, nint cudaContext)
    {
        int handle = CudaContextHandle.DeviceOf(cudaContext);
        CudaDevice device = context.GetCudaDevices().FirstOrDefault(device => device.Handle == handle)
            ?? throw new ArgumentException($"the context has no CUDA device {handle}, which the driver's context is of", nameof(context));
        return new(context, device, CudaContextHandle.Borrowed(cudaContext, handle));
    }
}
