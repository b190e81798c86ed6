namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>Brings the devices of OpenCL drivers into a context.</summary>
public static class CLContextExtensions
{
    /// <summary>Adds every device that can run kernels; none where there is no OpenCL.</summary>
    public static Context.Builder OpenCL(this Context.Builder builder) => builder.OpenCL(device => device.Problem is null);

    /// <summary>Adds the devices that <paramref name="predicate"/> takes.</summary>
    public static Context.Builder OpenCL(this Context.Builder builder, Predicate<CLDevice> predicate)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(CLDevice.Find(out _), predicate);
    }

    /// <summary>The OpenCL devices of a context, in the order of their drivers.</summary>
    public static IReadOnlyList<CLDevice> GetCLDevices(this Context context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return [.. context.Devices.OfType<CLDevice>()];
    }

    /// <summary>The OpenCL device with this number, counted among the OpenCL devices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public static CLDevice GetCLDevice(this Context context, int clDeviceIndex)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.GetDevice<CLDevice>(clDeviceIndex);
    }

    /// <summary>An accelerator for the OpenCL device with this number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    /// <exception cref="CLException">The driver refuses.</exception>
    public static CLAccelerator CreateCLAccelerator(this Context context, int clDeviceIndex) =>
        context.GetCLDevice(clDeviceIndex).CreateCLAccelerator(context);
}
