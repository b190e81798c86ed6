namespace Llama.Gpu.Jit.Runtime.Simd;

/// <summary>Brings the host's vectors into a context.</summary>
public static class SimdContextExtensions
{
    /// <summary>Adds the host with the widest vectors it has and a thread for each core.</summary>
    public static Context.Builder Simd(this Context.Builder builder) => builder.Simd(new SimdDevice());

    /// <summary>Adds a shape of it.</summary>
    public static Context.Builder Simd(this Context.Builder builder, SimdDevice device)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(device);
        return builder.Add(device);
    }

    /// <summary>An accelerator for the SIMD device with this number, counted among the SIMD devices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public static SimdAccelerator CreateSimdAccelerator(this Context context, int simdDeviceIndex)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.GetDevice<SimdDevice>(simdDeviceIndex).CreateSimdAccelerator(context);
    }
}
