namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>Brings simulated devices into a context.</summary>
public static class CPUContextExtensions
{
    /// <summary>Adds the fast shape, <see cref="CPUDevice.Sequential"/>.</summary>
    public static Context.Builder CPU(this Context.Builder builder) => builder.CPU(CPUDevice.Sequential);

    /// <summary>Adds a shape.</summary>
    public static Context.Builder CPU(this Context.Builder builder, CPUDevice device)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(device);
        return builder.Add(device);
    }

    /// <summary>The simulated device with this number, counted among the simulated devices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public static CPUDevice GetCPUDevice(this Context context, int cpuDeviceIndex)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.GetDevice<CPUDevice>(cpuDeviceIndex);
    }

    /// <summary>An accelerator for the simulated device with this number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public static CPUAccelerator CreateCPUAccelerator(this Context context, int cpuDeviceIndex) =>
        context.GetCPUDevice(cpuDeviceIndex).CreateCPUAccelerator(context);
}
