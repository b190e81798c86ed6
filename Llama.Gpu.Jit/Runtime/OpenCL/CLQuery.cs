using System.Text;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>Questions to the driver, with the numbers that <c>cl.h</c> gives them.</summary>
internal static unsafe class CLQuery
{
    public const uint PlatformVersion = 0x0901;
    public const uint PlatformName = 0x0902;

    public const uint DeviceType = 0x1000;
    public const uint DeviceMaxComputeUnits = 0x1002;
    public const uint DeviceMaxWorkGroupSize = 0x1004;
    public const uint DeviceMaxWorkItemSizes = 0x1005;
    public const uint DeviceAddressBits = 0x100D;
    public const uint DeviceMaxMemAllocSize = 0x1010;
    public const uint DeviceSingleFpConfig = 0x101B;
    public const uint DeviceGlobalMemSize = 0x101F;
    public const uint DeviceLocalMemSize = 0x1023;
    public const uint DeviceEndianLittle = 0x1026;
    public const uint DeviceAvailable = 0x1027;
    public const uint DeviceCompilerAvailable = 0x1028;
    public const uint DeviceName = 0x102B;
    public const uint DeviceVendor = 0x102C;
    public const uint DriverVersion = 0x102D;
    public const uint DeviceVersion = 0x102F;
    public const uint DeviceExtensions = 0x1030;
    public const uint DeviceLanguageVersion = 0x103D;
    public const uint DeviceSubGroupSizes = 0x4108;

    public const ulong TypeCpu = 1 << 1;
    public const ulong TypeGpu = 1 << 2;
    public const ulong TypeAll = 0xFFFFFFFF;
    public const ulong CorrectlyRoundedDivideSqrt = 1 << 7;

    private const uint ProgramNumDevices = 0x1162;
    private const uint ProgramBinarySizes = 0x1165;
    private const uint ProgramBinaries = 0x1166;
    private const uint ProgramBuildLog = 0x1183;
    private const uint KernelWorkGroupSize = 0x11B0;
    private const uint KernelLocalMemSize = 0x11B2;

    /// <summary>A property of a device that is one number.</summary>
    public static T Device<T>(nint device, uint name)
        where T : unmanaged
    {
        T value;
        Check(OpenClNative.clGetDeviceInfo(device, name, (nuint)sizeof(T), &value, null), nameof(OpenClNative.clGetDeviceInfo));
        return value;
    }

    /// <summary>A property of a device that is a list of sizes.</summary>
    public static long[] DeviceSizes(nint device, uint name)
    {
        nuint size;
        Check(OpenClNative.clGetDeviceInfo(device, name, 0, null, &size), nameof(OpenClNative.clGetDeviceInfo));
        var sizes = new nuint[(int)size / sizeof(nuint)];
        fixed (nuint* pointer = sizes)
        {
            Check(OpenClNative.clGetDeviceInfo(device, name, size, pointer, null), nameof(OpenClNative.clGetDeviceInfo));
        }

        return [.. sizes.Select(value => (long)value)];
    }

    /// <summary>A property of a device that is text.</summary>
    public static string DeviceText(nint device, uint name) => Text(
        (size, value, found) => OpenClNative.clGetDeviceInfo(device, name, size, (void*)value, (nuint*)found),
        nameof(OpenClNative.clGetDeviceInfo));

    /// <summary>A property of a driver that is text.</summary>
    public static string PlatformText(nint platform, uint name) => Text(
        (size, value, found) => OpenClNative.clGetPlatformInfo(platform, name, size, (void*)value, (nuint*)found),
        nameof(OpenClNative.clGetPlatformInfo));

    /// <summary>What the compiler said.</summary>
    public static string BuildLog(nint program, nint device) => Text(
        (size, value, found) => OpenClNative.clGetProgramBuildInfo(program, device, ProgramBuildLog, size, (void*)value, (nuint*)found),
        nameof(OpenClNative.clGetProgramBuildInfo));

    /// <summary>What the driver has made of a program for its one device; null if it does not give it away.</summary>
    public static byte[]? Binary(nint program)
    {
        uint devices;
        nuint size;
        CLError error = OpenClNative.clGetProgramInfo(program, ProgramNumDevices, sizeof(uint), &devices, null);
        if (error != CLError.Success || devices != 1
            || OpenClNative.clGetProgramInfo(program, ProgramBinarySizes, (nuint)sizeof(nuint), &size, null) != CLError.Success
            || size is 0 or > int.MaxValue)
        {
            return null;
        }

        byte[] binary = new byte[(int)size];
        fixed (byte* start = binary)
        {
            byte* target = start;
            error = OpenClNative.clGetProgramInfo(program, ProgramBinaries, (nuint)sizeof(byte*), &target, null);
        }

        return error == CLError.Success ? binary : null;
    }

    /// <summary>Most lanes of a group that a kernel can run with.</summary>
    public static long MaxLanes(nint kernel, nint device)
    {
        nuint value;
        Check(
            OpenClNative.clGetKernelWorkGroupInfo(kernel, device, KernelWorkGroupSize, (nuint)sizeof(nuint), &value, null),
            nameof(OpenClNative.clGetKernelWorkGroupInfo));
        return (long)value;
    }

    /// <summary>Local memory that a kernel takes before its arguments are set.</summary>
    public static long LocalBytes(nint kernel, nint device)
    {
        ulong value;
        Check(
            OpenClNative.clGetKernelWorkGroupInfo(kernel, device, KernelLocalMemSize, sizeof(ulong), &value, null),
            nameof(OpenClNative.clGetKernelWorkGroupInfo));
        return (long)value;
    }

    private static string Text(Func<nuint, nint, nint, CLError> query, string call)
    {
        nuint size;
        Check(query(0, 0, (nint)(&size)), call);
        var bytes = new byte[(int)size];
        fixed (byte* pointer = bytes)
        {
            Check(query(size, (nint)pointer, 0), call);
        }

        return Encoding.UTF8.GetString(bytes).TrimEnd('\0', ' ', '\n');
    }

    private static void Check(CLError error, string call) => CLException.ThrowIfFailed(error, call);
}
