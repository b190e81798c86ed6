using System.Collections.Immutable;
using Llama.Gpu.Jit.Backends.OpenCl;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A device of an OpenCL driver, with its limits as the driver states them.</summary>
public sealed class CLDevice : Device
{
    // without sub-groups, lanes exchange values through local memory, so a warp is as wide as suits the kernels
    private const int WarpSizeOfProcessors = 16;
    private const int WarpSizeOfOthers = 32;

    // beyond, no kernel gains
    private const int MaxLanes = 1024;

    private CLDevice(nint platform, nint id)
    {
        PlatformHandle = platform;
        Handle = id;
        Name = CLQuery.DeviceText(id, CLQuery.DeviceName);
        PlatformName = CLQuery.PlatformText(platform, CLQuery.PlatformName);
        PlatformVersion = CLQuery.PlatformText(platform, CLQuery.PlatformVersion);
        Vendor = CLQuery.DeviceText(id, CLQuery.DeviceVendor);
        Version = CLQuery.DeviceText(id, CLQuery.DeviceVersion);
        DriverVersion = CLQuery.DeviceText(id, CLQuery.DriverVersion);
        Extensions = [.. CLQuery.DeviceText(id, CLQuery.DeviceExtensions).Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        ulong type = CLQuery.Device<ulong>(id, CLQuery.DeviceType);
        IsProcessor = (type & CLQuery.TypeCpu) != 0;
        IsGpu = (type & CLQuery.TypeGpu) != 0;
        MemorySize = (long)CLQuery.Device<ulong>(id, CLQuery.DeviceGlobalMemSize);
        MaxAllocationSize = (long)CLQuery.Device<ulong>(id, CLQuery.DeviceMaxMemAllocSize);
        MaxSharedMemoryPerGroup = (int)Math.Min(int.MaxValue, CLQuery.Device<ulong>(id, CLQuery.DeviceLocalMemSize));
        NumMultiprocessors = (int)CLQuery.Device<uint>(id, CLQuery.DeviceMaxComputeUnits);
        MaxNumThreadsPerGroup = (int)Math.Min(MaxLanes, CLQuery.Device<nuint>(id, CLQuery.DeviceMaxWorkGroupSize));

        // a device may have more dimensions than the three that are used
        MaxGroupDim = CLQuery.DeviceSizes(id, CLQuery.DeviceMaxWorkItemSizes)[..3];
        IsCorrectlyRounded = (CLQuery.Device<ulong>(id, CLQuery.DeviceSingleFpConfig) & CLQuery.CorrectlyRoundedDivideSqrt) != 0;
        bool hasSubGroupSizes = Extensions.Contains(OpenClSubGroups.RequiredSize);
        long[] subGroupSizes = hasSubGroupSizes ? CLQuery.DeviceSizes(id, CLQuery.DeviceSubGroupSizes) : [];
        LanguageVersion = VersionOf(CLQuery.DeviceText(id, CLQuery.DeviceLanguageVersion));
        SubGroups = OpenClSubGroups.Offered(Extensions, subGroupSizes, LanguageVersion);
        Problem = FindProblem();
    }

    /// <inheritdoc/>
    public override AcceleratorType AcceleratorType => AcceleratorType.OpenCL;

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>The driver.</summary>
    public string PlatformName { get; }

    /// <summary>Who made the device.</summary>
    public string Vendor { get; }

    /// <summary>The version of OpenCL that it offers.</summary>
    public string Version { get; }

    /// <summary>The driver's version.</summary>
    public string DriverVersion { get; }

    /// <summary>Whether it is a processor that runs programs for the host.</summary>
    public bool IsProcessor { get; }

    /// <summary>Whether it is a GPU.</summary>
    public bool IsGpu { get; }

    /// <summary>The extensions that it offers.</summary>
    public ImmutableHashSet<string> Extensions { get; }

    /// <inheritdoc/>
    public override long MemorySize { get; }

    /// <summary>Bytes of the largest buffer.</summary>
    public long MaxAllocationSize { get; }

    /// <inheritdoc/>
    public override int MaxNumThreadsPerGroup { get; }

    /// <inheritdoc/>
    public override int MaxSharedMemoryPerGroup { get; }

    /// <inheritdoc/>
    public override int WarpSize => SubGroups?.Size ?? (IsProcessor ? WarpSizeOfProcessors : WarpSizeOfOthers);

    /// <inheritdoc/>
    public override int NumMultiprocessors { get; }

    /// <summary>Why kernels cannot run on it; null if they can.</summary>
    public string? Problem { get; }

    /// <summary>The driver's version, for some with that of its compiler.</summary>
    internal string PlatformVersion { get; }

    internal nint PlatformHandle { get; }

    internal nint Handle { get; }

    /// <summary>Most lanes in each dimension of a group.</summary>
    internal long[] MaxGroupDim { get; }

    /// <summary>Whether division and square root can be had correctly rounded.</summary>
    internal bool IsCorrectlyRounded { get; }

    /// <summary>The newest OpenCL C: 12 for 1.2.</summary>
    internal int LanguageVersion { get; }

    /// <summary>The sub-groups that the device says can be warps; null for none.</summary>
    internal OpenClSubGroups? SubGroups { get; }

    /// <summary>How the driver builds programs.</summary>
    /// <param name="subGroups">The sub-groups that a program may use; null for none.</param>
    internal string BuildOptions(OpenClSubGroups? subGroups)
    {
        string language = subGroups is not { NeedsLanguage2: true } ? "CL1.2" : LanguageVersion >= 30 ? "CL3.0" : "CL2.0";
        return $"-cl-std={language}{(IsCorrectlyRounded ? " -cl-fp32-correctly-rounded-divide-sqrt" : string.Empty)}";
    }

    /// <summary>Every device of every driver on this machine.</summary>
    /// <param name="problem">Why there is none, or null.</param>
    /// <exception cref="CLException">A driver fails.</exception>
    public static ImmutableArray<CLDevice> Find(out string? problem)
    {
        if (!NativeLibraries.TryLoad(NativeLibraries.OpenCl, out problem))
        {
            return [];
        }

        // drivers are started by the first question about them
        (ImmutableArray<CLDevice> devices, problem) = HostSignals.Keep(FindInDrivers);
        return devices;
    }

    /// <inheritdoc/>
    public override Accelerator CreateAccelerator(Context context) => CreateCLAccelerator(context);

    /// <summary>An accelerator for this device.</summary>
    /// <exception cref="CLException">The driver refuses, or the device cannot run kernels.</exception>
    public CLAccelerator CreateCLAccelerator(Context context) => new(context, this);

    private static unsafe (ImmutableArray<CLDevice> Devices, string? Problem) FindInDrivers()
    {
        uint count;
        CLError error = OpenClNative.clGetPlatformIDs(0, null, &count);
        if (error == CLError.PlatformNotFound || (error == CLError.Success && count == 0))
        {
            return ([], "OpenCL has no driver on this machine");
        }

        CLException.ThrowIfFailed(error, nameof(OpenClNative.clGetPlatformIDs));
        var platforms = new nint[count];
        fixed (nint* pointer = platforms)
        {
            CLException.ThrowIfFailed(OpenClNative.clGetPlatformIDs(count, pointer, null), nameof(OpenClNative.clGetPlatformIDs));
        }

        ImmutableArray<CLDevice> devices = [.. platforms.SelectMany(OfPlatform)];
        return (devices, devices.IsEmpty ? "OpenCL's drivers have no device" : null);
    }

    private static unsafe IEnumerable<CLDevice> OfPlatform(nint platform)
    {
        uint count;
        CLError error = OpenClNative.clGetDeviceIDs(platform, CLQuery.TypeAll, 0, null, &count);
        if (error == CLError.DeviceNotFound)
        {
            return [];
        }

        CLException.ThrowIfFailed(error, nameof(OpenClNative.clGetDeviceIDs));
        var ids = new nint[count];
        fixed (nint* pointer = ids)
        {
            CLException.ThrowIfFailed(
                OpenClNative.clGetDeviceIDs(platform, CLQuery.TypeAll, count, pointer, null), nameof(OpenClNative.clGetDeviceIDs));
        }

        return ids.Select(id => new CLDevice(platform, id));
    }

    /// <summary>The number in "OpenCL C 1.2 and what the vendor adds", as 12; 0 if there is none.</summary>
    internal static int VersionOf(string language) =>
        language.Split(' ') is [_, _, [>= '0' and <= '9' and var major, '.', >= '0' and <= '9' and var minor, ..], ..]
            ? ((major - '0') * 10) + (minor - '0') : 0;

    private string? FindProblem()
    {
        bool Has(uint name) => CLQuery.Device<uint>(Handle, name) != 0;
        return !Has(CLQuery.DeviceAvailable) ? "the device is not available"
            : !Has(CLQuery.DeviceCompilerAvailable) ? "its driver has no compiler"
            : !Has(CLQuery.DeviceEndianLittle) ? "it stores numbers with their highest byte first"
            : CLQuery.Device<uint>(Handle, CLQuery.DeviceAddressBits) != 64 ? "its addresses do not have 64 bits"
            : null;
    }
}
