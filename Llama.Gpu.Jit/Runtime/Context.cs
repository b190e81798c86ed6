using System.Collections.Immutable;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>Knows the devices; everything begins here. Disposing it disposes the accelerators made from it.</summary>
public sealed class Context : IDisposable
{
    private readonly List<Accelerator> _accelerators = [];

    private Context(ImmutableArray<Device> devices) => Devices = devices;

    /// <summary>Every device that was asked for, in the order it was asked for.</summary>
    public ImmutableArray<Device> Devices { get; }

    /// <summary>A context with the devices that <paramref name="buildingCallback"/> asks for.</summary>
    public static Context Create(Action<Builder> buildingCallback)
    {
        ArgumentNullException.ThrowIfNull(buildingCallback);
        var builder = new Builder();
        buildingCallback(builder);
        return builder.ToContext();
    }

    /// <summary>A context with the devices that there are.</summary>
    public static Context CreateDefault() => Create(builder => builder.Default());

    /// <summary>The device with this number, counted among the devices of its kind.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public TDevice GetDevice<TDevice>(int deviceIndex)
        where TDevice : Device
    {
        TDevice[] devices = [.. Devices.OfType<TDevice>()];
        ArgumentOutOfRangeException.ThrowIfNegative(deviceIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(deviceIndex, devices.Length);
        return devices[deviceIndex];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Accelerator accelerator in _accelerators.ToArray())
        {
            accelerator.Dispose();
        }
    }

    internal void Register(Accelerator accelerator) => _accelerators.Add(accelerator);

    internal void Unregister(Accelerator accelerator) => _accelerators.Remove(accelerator);

    /// <summary>Collects what a context is to hold; the accelerators' own methods extend it.</summary>
    public sealed class Builder
    {
        private readonly List<Device> _devices = [];

        /// <summary>Every kind of device in its default form.</summary>
        public Builder Default() => Add(CPU.CPUDevice.Sequential);

        /// <summary>Builds the context.</summary>
        public Context ToContext() => new([.. _devices]);

        internal Builder Add(Device device)
        {
            _devices.Add(device);
            return this;
        }

        /// <summary>Adds those of a driver's devices that a predicate takes.</summary>
        internal Builder Add<TDevice>(IEnumerable<TDevice> devices, Predicate<TDevice> predicate)
            where TDevice : Device
        {
            ArgumentNullException.ThrowIfNull(predicate);
            _devices.AddRange(devices.Where(device => predicate(device)));
            return this;
        }
    }
}
