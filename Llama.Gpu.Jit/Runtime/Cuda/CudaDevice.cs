using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Llama.Gpu.Jit.Backends.Ptx;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>A device of NVIDIA's driver, with its limits as the driver states them.</summary>
public sealed class CudaDevice : Device
{
    private const int NameLength = 256;
    private const int ComputeModeProhibited = 2;

    private CudaDevice(int ordinal, int driverVersion)
    {
        DeviceId = ordinal;
        DriverVersion = driverVersion;
        Handle = GetHandle(ordinal);
        Name = GetName();
        MemorySize = GetMemorySize();
        ComputeCapability = new Version(Get(CudaAttribute.ComputeCapabilityMajor), Get(CudaAttribute.ComputeCapabilityMinor));
        MaxNumThreadsPerGroup = Get(CudaAttribute.MaxThreadsPerBlock);
        MaxGroupSize = new Index3D(Get(CudaAttribute.MaxBlockDimX), Get(CudaAttribute.MaxBlockDimY), Get(CudaAttribute.MaxBlockDimZ));
        MaxGridSize = new Index3D(Get(CudaAttribute.MaxGridDimX), Get(CudaAttribute.MaxGridDimY), Get(CudaAttribute.MaxGridDimZ));
        SharedMemoryWithoutAsking = Get(CudaAttribute.MaxSharedMemoryPerBlock);
        MaxSharedMemoryPerGroup = Math.Max(SharedMemoryWithoutAsking, Get(CudaAttribute.MaxSharedMemoryPerBlockOptin));
        WarpSize = Get(CudaAttribute.WarpSize);
        NumMultiprocessors = Get(CudaAttribute.MultiprocessorCount);
        MemoryClockRate = Get(CudaAttribute.MemoryClockRate);
        MemoryBusWidth = Get(CudaAttribute.GlobalMemoryBusWidth);
        Problem = FindProblem();
    }

    /// <inheritdoc/>
    public override AcceleratorType AcceleratorType => AcceleratorType.Cuda;

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override long MemorySize { get; }

    /// <summary>Its number among the driver's devices.</summary>
    public int DeviceId { get; }

    /// <summary>The version of CUDA that the driver offers, as major * 1000 + minor * 10.</summary>
    public int DriverVersion { get; }

    /// <summary>What generation it is: 9.0 for Hopper.</summary>
    public Version ComputeCapability { get; }

    /// <inheritdoc/>
    public override int MaxNumThreadsPerGroup { get; }

    /// <summary>Most lanes in each dimension of a group.</summary>
    public Index3D MaxGroupSize { get; }

    /// <summary>Most groups in each dimension of a launch.</summary>
    public Index3D MaxGridSize { get; }

    /// <inheritdoc/>
    public override int MaxSharedMemoryPerGroup { get; }

    /// <inheritdoc/>
    public override int WarpSize { get; }

    /// <inheritdoc/>
    public override int NumMultiprocessors { get; }

    /// <summary>Clock of the memory in kHz.</summary>
    public int MemoryClockRate { get; }

    /// <summary>Width of the memory's bus in bits.</summary>
    public int MemoryBusWidth { get; }

    /// <summary>Why kernels cannot run on it; null if they can.</summary>
    public string? Problem { get; }

    internal int Handle { get; }

    /// <summary>Shared memory that a group gets unless its kernel asks for more.</summary>
    internal int SharedMemoryWithoutAsking { get; }

    /// <summary>What PTX is written for it.</summary>
    internal PtxTarget Target => PtxTarget.For(ComputeCapability.Major, ComputeCapability.Minor, DriverVersion);

    /// <summary>Every device of the driver.</summary>
    /// <param name="problem">Why there is none, or null. A machine without the driver is no error.</param>
    public static unsafe ImmutableArray<CudaDevice> Find(out string? problem)
    {
        if (!NativeLibraries.TryLoad(NativeLibraries.Cuda, out problem))
        {
            return [];
        }

        CudaError error = CudaNative.cuInit(0);
        int version = 0;
        int count = 0;
        error = error == CudaError.Success ? CudaNative.cuDriverGetVersion(&version) : error;
        error = error == CudaError.Success ? CudaNative.cuDeviceGetCount(&count) : error;
        problem = error != CudaError.Success ? CudaException.Describe(error) : count == 0 ? "NVIDIA's driver has no device" : null;
        var devices = ImmutableArray.CreateBuilder<CudaDevice>();
        for (int ordinal = 0; problem is null && ordinal < count; ordinal++)
        {
            devices.Add(new CudaDevice(ordinal, version));
        }

        return devices.ToImmutable();
    }

    /// <inheritdoc/>
    public override Accelerator CreateAccelerator(Context context) => CreateCudaAccelerator(context);

    /// <summary>An accelerator for this device, on its primary context.</summary>
    /// <exception cref="CudaException">The driver refuses.</exception>
    /// <exception cref="NotSupportedException">The device cannot run kernels; <see cref="Problem"/> says why.</exception>
    public CudaAccelerator CreateCudaAccelerator(Context context) => new(context, this, CudaContextHandle.Primary(Handle));

    private static unsafe int GetHandle(int ordinal)
    {
        int device;
        CudaException.ThrowIfFailed(CudaNative.cuDeviceGet(&device, ordinal), nameof(CudaNative.cuDeviceGet));
        return device;
    }

    private unsafe string GetName()
    {
        byte* name = stackalloc byte[NameLength];
        CudaException.ThrowIfFailed(CudaNative.cuDeviceGetName(name, NameLength, Handle), nameof(CudaNative.cuDeviceGetName));
        return Marshal.PtrToStringUTF8((nint)name) ?? string.Empty;
    }

    private unsafe long GetMemorySize()
    {
        nuint bytes;
        CudaException.ThrowIfFailed(CudaNative.cuDeviceTotalMem_v2(&bytes, Handle), nameof(CudaNative.cuDeviceTotalMem_v2));
        return (long)bytes;
    }

    private unsafe int Get(CudaAttribute attribute)
    {
        int value;
        CudaException.ThrowIfFailed(
            CudaNative.cuDeviceGetAttribute(&value, attribute, Handle), nameof(CudaNative.cuDeviceGetAttribute), attribute.ToString());
        return value;
    }

    private string? FindProblem()
    {
        try
        {
            _ = Target;
            return Get(CudaAttribute.ComputeMode) == ComputeModeProhibited ? "its owner allows no programs on it" : null;
        }
        catch (NotSupportedException exception)
        {
            return exception.Message;
        }
    }
}
