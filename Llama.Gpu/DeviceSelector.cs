using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;

namespace Llama.Gpu;

/// <summary>Finds devices by the names that <see cref="DeviceName"/> has for them.</summary>
public static class DeviceSelector
{
    private const string NotInThisBuild = "not available in this build";

    /// <summary>Opens a device.</summary>
    /// <param name="name">The device; <see cref="DeviceKind.Auto"/> takes the best there is.</param>
    /// <exception cref="DeviceException">There is no such device, or it cannot be used.</exception>
    public static OpenedDevice Open(DeviceName name)
    {
        if (name.Kind is not (DeviceKind.Auto or DeviceKind.Cpu))
        {
            throw new DeviceException(name.ToString(), NotInThisBuild);
        }

        var context = Context.Create(builder => builder.CPU());
        try
        {
            return new OpenedDevice(new DeviceName(DeviceKind.Cpu), context, context.CreateCPUAccelerator(0));
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Every kind of device: what there is of it, or why it cannot be used.</summary>
    public static IReadOnlyList<DeviceReport> List() =>
    [
        Missing(DeviceKind.Cuda),
        Missing(DeviceKind.OpenCl),
        Missing(DeviceKind.Simd),
        new(new DeviceName(DeviceKind.Cpu), Problem: null),
    ];

    private static DeviceReport Missing(DeviceKind kind) => new(new DeviceName(kind), NotInThisBuild);
}

/// <summary>A device that was asked about.</summary>
/// <param name="Name">The name to open it by.</param>
/// <param name="Problem">Why it cannot be used; null if it can.</param>
public sealed record DeviceReport(DeviceName Name, string? Problem);

/// <summary>A device in use. Disposing it frees all that was allocated on it.</summary>
public sealed class OpenedDevice : IDisposable
{
    private readonly Context _context;

    internal OpenedDevice(DeviceName name, Context context, Accelerator accelerator)
    {
        Name = name;
        _context = context;
        Accelerator = accelerator;
    }

    /// <summary>The device that <see cref="DeviceKind.Auto"/> became, or the one that was asked for.</summary>
    public DeviceName Name { get; }

    /// <summary>Runs kernels.</summary>
    public Accelerator Accelerator { get; }

    /// <inheritdoc/>
    public void Dispose() => _context.Dispose();
}
