namespace Llama.Gpu;

/// <summary>A device that cannot be used: the message names the device and why.</summary>
public sealed class DeviceException(string device, string problem, Exception? inner = null)
    : LlamaException($"device {device}: {problem}", inner)
{
    /// <summary>The device as it was asked for, such as <c>cuda:1</c>.</summary>
    public string Device { get; } = device;
}
