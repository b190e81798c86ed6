using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>
/// The functions of NVIDIA's driver that are used, as <c>cuda.h</c> (11.4 and later) declares them, under the names that the
/// library exports: where the header defines a name as another with <c>_v2</c>, that other. A <c>CUdevice</c> is an int, a
/// <c>CUdeviceptr</c> 64 bits, every other handle a pointer.
/// </summary>
internal static unsafe partial class CudaNative
{
    private const string Library = NativeLibraries.Cuda;

    [LibraryImport(Library)]
    public static partial CudaError cuInit(uint flags);

    [LibraryImport(Library)]
    public static partial CudaError cuDriverGetVersion(int* version);

    [LibraryImport(Library)]
    public static partial CudaError cuGetErrorName(CudaError error, byte** name);

    [LibraryImport(Library)]
    public static partial CudaError cuGetErrorString(CudaError error, byte** text);

    [LibraryImport(Library)]
    public static partial CudaError cuDeviceGetCount(int* count);

    [LibraryImport(Library)]
    public static partial CudaError cuDeviceGet(int* device, int ordinal);

    [LibraryImport(Library)]
    public static partial CudaError cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    public static partial CudaError cuDeviceTotalMem_v2(nuint* bytes, int device);

    [LibraryImport(Library)]
    public static partial CudaError cuDeviceGetAttribute(int* value, CudaAttribute attribute, int device);

    [LibraryImport(Library)]
    public static partial CudaError cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library)]
    public static partial CudaError cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    public static partial CudaError cuCtxPushCurrent_v2(nint context);

    [LibraryImport(Library)]
    public static partial CudaError cuCtxPopCurrent_v2(nint* context);

    [LibraryImport(Library)]
    public static partial CudaError cuCtxGetDevice(int* device);

    [LibraryImport(Library)]
    public static partial CudaError cuCtxSynchronize();

    [LibraryImport(Library)]
    public static partial CudaError cuMemGetInfo_v2(nuint* free, nuint* total);

    [LibraryImport(Library)]
    public static partial CudaError cuMemAlloc_v2(ulong* pointer, nuint bytes);

    [LibraryImport(Library)]
    public static partial CudaError cuMemFree_v2(ulong pointer);

    [LibraryImport(Library)]
    public static partial CudaError cuMemHostAlloc(void** pointer, nuint bytes, uint flags);

    [LibraryImport(Library)]
    public static partial CudaError cuMemFreeHost(void* pointer);

    [LibraryImport(Library)]
    public static partial CudaError cuMemcpyHtoDAsync_v2(ulong target, void* source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuMemcpyDtoHAsync_v2(void* target, ulong source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuMemcpyDtoDAsync_v2(ulong target, ulong source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuMemsetD8Async(ulong target, byte value, nuint count, nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuStreamCreate(nint* stream, uint flags);

    [LibraryImport(Library)]
    public static partial CudaError cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuStreamWaitEvent(nint stream, nint @event, uint flags);

    [LibraryImport(Library)]
    public static partial CudaError cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    public static partial CudaError cuStreamEndCapture(nint stream, nint* graph);

    [LibraryImport(Library)]
    public static partial CudaError cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    public static partial CudaError cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    public static partial CudaError cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    public static partial CudaError cuEventCreate(nint* @event, uint flags);

    [LibraryImport(Library)]
    public static partial CudaError cuEventRecord(nint @event, nint stream);

    [LibraryImport(Library)]
    public static partial CudaError cuEventQuery(nint @event);

    [LibraryImport(Library)]
    public static partial CudaError cuEventSynchronize(nint @event);

    [LibraryImport(Library)]
    public static partial CudaError cuEventElapsedTime(float* milliseconds, nint start, nint end);

    [LibraryImport(Library)]
    public static partial CudaError cuEventDestroy_v2(nint @event);

    [LibraryImport(Library)]
    public static partial CudaError cuModuleLoadDataEx(nint* module, void* image, uint optionCount, CudaJitOption* options, void** values);

    [LibraryImport(Library)]
    public static partial CudaError cuModuleUnload(nint module);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial CudaError cuModuleGetFunction(nint* function, nint module, string name);

    [LibraryImport(Library)]
    public static partial CudaError cuFuncGetAttribute(int* value, CudaFunctionAttribute attribute, nint function);

    [LibraryImport(Library)]
    public static partial CudaError cuFuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value);

    // of 12.0 and later; nothing asks for it on a device that is older
    [LibraryImport(Library)]
    public static partial CudaError cuTensorMapEncodeTiled(
        void* map,
        CudaTensorMapType type,
        uint rank,
        void* address,
        ulong* extents,
        ulong* strides,
        uint* box,
        uint* elementStrides,
        int interleave,
        CudaTensorMapSwizzle swizzle,
        CudaTensorMapPromotion promotion,
        int fill);

    [LibraryImport(Library)]
    public static partial CudaError cuLaunchKernel(
        nint function,
        uint gridX,
        uint gridY,
        uint gridZ,
        uint blockX,
        uint blockY,
        uint blockZ,
        uint dynamicSharedBytes,
        nint stream,
        void** parameters,
        void** extra);
}

/// <summary>The members of <c>CUdevice_attribute</c> that are asked for.</summary>
internal enum CudaAttribute
{
    MaxThreadsPerBlock = 1,
    MaxBlockDimX = 2,
    MaxBlockDimY = 3,
    MaxBlockDimZ = 4,
    MaxGridDimX = 5,
    MaxGridDimY = 6,
    MaxGridDimZ = 7,
    MaxSharedMemoryPerBlock = 8,
    WarpSize = 10,
    MultiprocessorCount = 16,
    ComputeMode = 20,
    MemoryClockRate = 36,
    GlobalMemoryBusWidth = 37,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    MaxSharedMemoryPerBlockOptin = 97,
}

/// <summary>The members of <c>CUfunction_attribute</c> that are used.</summary>
internal enum CudaFunctionAttribute
{
    MaxThreadsPerBlock = 0,
    SharedSizeBytes = 1,
    LocalSizeBytes = 3,
    NumRegs = 4,
    MaxDynamicSharedSizeBytes = 8,
}

/// <summary>The members of <c>CUtensorMapDataType</c> that are used.</summary>
internal enum CudaTensorMapType
{
    Float16 = 6,
    BFloat16 = 9,
}

/// <summary>The members of <c>CUtensorMapSwizzle</c> that are used.</summary>
internal enum CudaTensorMapSwizzle
{
    Bytes128 = 3,
}

/// <summary>The members of <c>CUtensorMapL2promotion</c> that are used.</summary>
internal enum CudaTensorMapPromotion
{
    Bytes256 = 3,
}

/// <summary>The members of <c>CUjit_option</c> that are used.</summary>
internal enum CudaJitOption
{
    InfoLogBuffer = 3,
    InfoLogBufferSizeBytes = 4,
    ErrorLogBuffer = 5,
    ErrorLogBufferSizeBytes = 6,
    LogVerbose = 12,
    GenerateLineInfo = 13,
}
