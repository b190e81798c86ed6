using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Simd;

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
        return name.Kind switch
        {
            DeviceKind.Auto or DeviceKind.Simd => Open(
                DeviceKind.Simd, Context.Create(builder => builder.Simd()), context => context.CreateSimdAccelerator(0)),
            DeviceKind.Cpu => Open(
                DeviceKind.Cpu, Context.Create(builder => builder.CPU()), context => context.CreateCPUAccelerator(0)),
            _ => throw new DeviceException(name.ToString(), NotInThisBuild),
        };
    }

    /// <summary>Every kind of device: what there is of it, or why it cannot be used.</summary>
    public static IReadOnlyList<DeviceReport> List() =>
    [
        Missing(DeviceKind.Cuda),
        Missing(DeviceKind.OpenCl),
        new(new DeviceName(DeviceKind.Simd), Problem: null),
        new(new DeviceName(DeviceKind.Cpu), Problem: null),
    ];

    private static OpenedDevice Open(DeviceKind kind, Context context, Func<Context, Accelerator> create)
    {
        try
        {
            return new OpenedDevice(new DeviceName(kind), context, create(context));
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

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
