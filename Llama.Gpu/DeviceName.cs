using System.Globalization;

namespace Llama.Gpu;

/// <summary>Which way kernels run.</summary>
public enum DeviceKind
{
    /// <summary>The best there is: CUDA, else an OpenCL GPU, else SIMD, else the reference.</summary>
    Auto,

    /// <summary>The reference: the C# method itself, lane by lane.</summary>
    Cpu,

    /// <summary>Vector instructions of the host's processor.</summary>
    Simd,

    /// <summary>OpenCL.</summary>
    OpenCl,

    /// <summary>NVIDIA.</summary>
    Cuda,
}

/// <summary>A device as the command line names it: <c>auto</c>, <c>cpu</c>, <c>simd</c>, <c>opencl[:N]</c>, <c>cuda[:N]</c>.</summary>
/// <param name="Kind">Which way kernels run.</param>
/// <param name="Index">Which device of that kind, from 0.</param>
public readonly record struct DeviceName(DeviceKind Kind, int Index = 0)
{
    /// <summary>Reads a name; lower case.</summary>
    /// <exception cref="FormatException">Not a device's name; says what was expected and what was found.</exception>
    public static DeviceName Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':', 2);
        DeviceKind? kind = parts[0] switch
        {
            "auto" => DeviceKind.Auto,
            "cpu" => DeviceKind.Cpu,
            "simd" => DeviceKind.Simd,
            "opencl" => DeviceKind.OpenCl,
            "cuda" => DeviceKind.Cuda,
            _ => null,
        };
        int index = 0;
        bool indexed = kind is DeviceKind.OpenCl or DeviceKind.Cuda;
        bool indexIsFine = parts.Length == 1
            || (indexed && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out index));
        return kind is not null && indexIsFine
            ? new DeviceName(kind.Value, index)
            : throw new FormatException($"device: expected auto, cpu, simd, opencl[:N] or cuda[:N], found '{text}'");
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string name = Kind switch
        {
            DeviceKind.Auto => "auto",
            DeviceKind.Cpu => "cpu",
            DeviceKind.Simd => "simd",
            DeviceKind.OpenCl => "opencl",
            _ => "cuda",
        };
        return Index == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}:{Index}");
    }
}
