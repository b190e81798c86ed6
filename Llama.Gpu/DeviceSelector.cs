using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Jit.Runtime.Simd;

namespace Llama.Gpu;

/// <summary>Finds devices by the names that <see cref="DeviceName"/> has for them.</summary>
public static class DeviceSelector
{
    /// <summary>Opens a device.</summary>
    /// <param name="name">
    /// The device; <see cref="DeviceKind.Auto"/> takes the best there is: CUDA, else a GPU of OpenCL, else the host's vectors.
    /// </param>
    /// <exception cref="DeviceException">There is no such device, or it cannot be used.</exception>
    public static OpenedDevice Open(DeviceName name)
    {
        if (name.Kind == DeviceKind.Auto)
        {
            name = Best();
        }

        IReadOnlyList<DriverDevice> devices = Find(name.Kind, out string? problem);
        if (name.Index >= devices.Count)
        {
            throw new DeviceException(name.ToString(), problem ?? $"there are {devices.Count} devices, counted from 0");
        }

        DriverDevice device = devices[name.Index];
        return device.Problem is null ? Open(name, device.Device) : throw new DeviceException(name.ToString(), device.Problem);
    }

    /// <summary>Every kind of device: what there is of it, or why it cannot be used.</summary>
    public static IReadOnlyList<DeviceReport> List() =>
    [
        .. new[] { DeviceKind.Cuda, DeviceKind.OpenCl, DeviceKind.Simd, DeviceKind.Cpu }.SelectMany(Report),
    ];

    private static IEnumerable<DeviceReport> Report(DeviceKind kind)
    {
        IReadOnlyList<DriverDevice> devices = Find(kind, out string? problem);
        return devices.Count == 0
            ? [new(new DeviceName(kind), problem)]
            : devices.Select((device, i) => new DeviceReport(new DeviceName(kind, i), device.Problem));
    }

    private static DeviceName Best()
    {
        foreach (DeviceKind kind in new[] { DeviceKind.Cuda, DeviceKind.OpenCl })
        {
            // an OpenCL device that is the host's processor is no gain over the one made for it
            int usable = Find(kind, out _).ToList().FindIndex(device => device.Problem is null && device.IsGpu);
            if (usable >= 0)
            {
                return new DeviceName(kind, usable);
            }
        }

        return new DeviceName(DeviceKind.Simd);
    }

    // a driver that fails is a reason why there is no device, not an error of the search
    private static IReadOnlyList<DriverDevice> Find(DeviceKind kind, out string? problem)
    {
        problem = null;
        try
        {
            return kind switch
            {
                DeviceKind.Cuda => [.. CudaDevice.Find(out problem).Select(device => new DriverDevice(device, device.Problem, IsGpu: true))],
                DeviceKind.OpenCl => [.. CLDevice.Find(out problem).Select(device => new DriverDevice(device, device.Problem, device.IsGpu))],
                DeviceKind.Simd => [new DriverDevice(new SimdDevice(), Problem: null, IsGpu: false)],
                _ => [new DriverDevice(CPUDevice.Sequential, Problem: null, IsGpu: false)],
            };
        }
        catch (AcceleratorException exception)
        {
            problem = exception.Message;
            return [];
        }
    }

    private static OpenedDevice Open(DeviceName name, Device device)
    {
        var context = Context.Create(_ => { });
        try
        {
            return new OpenedDevice(name, context, device.CreateAccelerator(context));
        }
        catch (AcceleratorException exception)
        {
            context.Dispose();
            throw new DeviceException(name.ToString(), exception.Message, exception);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    private sealed record DriverDevice(Device Device, string? Problem, bool IsGpu);
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
