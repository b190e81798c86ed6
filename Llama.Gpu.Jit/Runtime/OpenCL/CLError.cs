namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>The codes of <c>cl.h</c> that calls here can meet; others are shown by their number.</summary>
public enum CLError
{
    /// <summary>No error.</summary>
    Success = 0,

    /// <summary>No device of the asked kind.</summary>
    DeviceNotFound = -1,

    /// <summary>The device is in use by another.</summary>
    DeviceNotAvailable = -2,

    /// <summary>The driver brings no compiler.</summary>
    CompilerNotAvailable = -3,

    /// <summary>No memory for a buffer.</summary>
    MemObjectAllocationFailure = -4,

    /// <summary>The device has run out of something.</summary>
    OutOfResources = -5,

    /// <summary>The host has run out of memory.</summary>
    OutOfHostMemory = -6,

    /// <summary>The regions of a copy overlap.</summary>
    MemCopyOverlap = -8,

    /// <summary>The program does not compile.</summary>
    BuildProgramFailure = -11,

    /// <summary>An argument is out of range.</summary>
    InvalidValue = -30,

    /// <summary>No such platform.</summary>
    InvalidPlatform = -32,

    /// <summary>No such device.</summary>
    InvalidDevice = -33,

    /// <summary>No such context.</summary>
    InvalidContext = -34,

    /// <summary>No such queue.</summary>
    InvalidCommandQueue = -36,

    /// <summary>No such buffer.</summary>
    InvalidMemObject = -38,

    /// <summary>The compiler does not know an option.</summary>
    InvalidBuildOptions = -43,

    /// <summary>No such program.</summary>
    InvalidProgram = -44,

    /// <summary>The program is not built for the device.</summary>
    InvalidProgramExecutable = -45,

    /// <summary>No kernel of that name.</summary>
    InvalidKernelName = -46,

    /// <summary>No such kernel.</summary>
    InvalidKernel = -48,

    /// <summary>No such argument.</summary>
    InvalidArgIndex = -49,

    /// <summary>Not a value for the argument.</summary>
    InvalidArgValue = -50,

    /// <summary>Not the size of the argument.</summary>
    InvalidArgSize = -51,

    /// <summary>An argument was not set.</summary>
    InvalidKernelArgs = -52,

    /// <summary>More lanes in a group than the device takes.</summary>
    InvalidWorkGroupSize = -54,

    /// <summary>More lanes in one dimension of a group than the device takes.</summary>
    InvalidWorkItemSize = -55,

    /// <summary>Not a size for a buffer.</summary>
    InvalidBufferSize = -61,

    /// <summary>More lanes in one dimension than the device takes.</summary>
    InvalidGlobalWorkSize = -63,

    /// <summary>The loader has no driver.</summary>
    PlatformNotFound = -1001,
}
