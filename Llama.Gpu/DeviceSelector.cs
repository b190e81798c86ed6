using System.Collections.Immutable;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.Cuda;
using Llama.Gpu.Jit.Runtime.OpenCL;

namespace Llama.Gpu;

/// <summary>Finds devices by the names that <see cref="DeviceName"/> has for them.</summary>
public static class DeviceSelector
{
    private const string NotInThisBuild = "not available in this build";

    /// <summary>Opens a device.</summary>
    /// <param name="name">The device; <see cref="DeviceKind.Auto"/> takes the best there is.</param>
    /// <exception cref="DeviceException">There is no such device, or it cannot be used.</exception>
    public static OpenedDevice Open(DeviceName name) => name.Kind switch
    {
        DeviceKind.Cpu => OpenCpu(),
        DeviceKind.Cuda => OpenCuda(name),
        DeviceKind.OpenCl => OpenOpenCl(name),
        DeviceKind.Auto => OpenBest(),
        _ => throw new DeviceException(name.ToString(), NotInThisBuild),
    };

    /// <summary>Every kind of device: what there is of it, or why it cannot be used.</summary>
    public static IReadOnlyList<DeviceReport> List() =>
    [
        .. ListCuda(),
        .. ListOpenCl(),
        Missing(DeviceKind.Simd),
        new(new DeviceName(DeviceKind.Cpu), Problem: null),
    ];

    private static OpenedDevice OpenCpu()
    {
        var context = Context.Create(builder => builder.CPU());
        return Opened(new DeviceName(DeviceKind.Cpu), context, () => context.CreateCPUAccelerator(0));
    }

    private static OpenedDevice OpenCuda(DeviceName name)
    {
        try
        {
            ImmutableArray<CudaDevice> devices = CudaDevice.Find(out string? problem);
            if (name.Index >= devices.Length)
            {
                throw new DeviceException(name.ToString(), problem ?? $"there are {devices.Length} devices, counted from 0");
            }

            CudaDevice device = devices[name.Index];
            if (device.Problem is not null)
            {
                throw new DeviceException(name.ToString(), device.Problem);
            }

            var context = Context.Create(_ => { });
            return Opened(name, context, () => device.CreateCudaAccelerator(context));
        }
        catch (CudaException exception)
        {
            throw new DeviceException(name.ToString(), exception.Message, exception);
        }
    }

    private static OpenedDevice OpenOpenCl(DeviceName name)
    {
        try
        {
            ImmutableArray<CLDevice> devices = CLDevice.Find(out string? problem);
            if (name.Index >= devices.Length)
            {
                throw new DeviceException(name.ToString(), problem ?? $"there are {devices.Length} devices, counted from 0");
            }

            CLDevice device = devices[name.Index];
            if (device.Problem is not null)
            {
                throw new DeviceException(name.ToString(), device.Problem);
            }

            var context = Context.Create(_ => { });
            return Opened(name, context, () => device.CreateCLAccelerator(context));
        }
        catch (CLException exception)
        {
            throw new DeviceException(name.ToString(), exception.Message, exception);
        }
    }

    // an OpenCL device that is the host's processor is no gain over the devices made for it
    private static OpenedDevice OpenBest()
    {
        int cuda = FindCuda(out _).ToList().FindIndex(device => device.Problem is null);
        if (cuda >= 0)
        {
            return OpenCuda(new DeviceName(DeviceKind.Cuda, cuda));
        }

        ImmutableArray<CLDevice> devices = FindOpenCl(out _);
        int gpu = devices.ToList().FindIndex(device => device.IsGpu && device.Problem is null);
        return gpu >= 0 ? OpenOpenCl(new DeviceName(DeviceKind.OpenCl, gpu)) : OpenCpu();
    }

    private static IEnumerable<DeviceReport> ListCuda()
    {
        ImmutableArray<CudaDevice> devices = FindCuda(out string? problem);
        return devices.IsEmpty
            ? [new(new DeviceName(DeviceKind.Cuda), problem)]
            : devices.Select((device, i) => new DeviceReport(new DeviceName(DeviceKind.Cuda, i), device.Problem));
    }

    private static IEnumerable<DeviceReport> ListOpenCl()
    {
        ImmutableArray<CLDevice> devices = FindOpenCl(out string? problem);
        return devices.IsEmpty
            ? [new(new DeviceName(DeviceKind.OpenCl), problem)]
            : devices.Select((device, i) => new DeviceReport(new DeviceName(DeviceKind.OpenCl, i), device.Problem));
    }

    // a driver that fails is a reason, not an error of the list
    private static ImmutableArray<CudaDevice> FindCuda(out string? problem)
    {
        try
        {
            return CudaDevice.Find(out problem);
        }
        catch (CudaException exception)
        {
            problem = exception.Message;
            return [];
        }
    }

    private static ImmutableArray<CLDevice> FindOpenCl(out string? problem)
    {
        try
        {
            return CLDevice.Find(out problem);
        }
        catch (CLException exception)
        {
            problem = exception.Message;
            return [];
        }
    }

    private static OpenedDevice Opened(DeviceName name, Context context, Func<Accelerator> create)
    {
        try
        {
            return new OpenedDevice(name, context, create());
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
