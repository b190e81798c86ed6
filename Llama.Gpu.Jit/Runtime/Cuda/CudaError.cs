namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>The codes of <c>cuda.h</c> that calls here can meet; others are shown by their number and the driver's name.</summary>
public enum CudaError
{
    /// <summary>No error.</summary>
    Success = 0,

    /// <summary>An argument is out of range.</summary>
    InvalidValue = 1,

    /// <summary>No memory, on the device or the host.</summary>
    OutOfMemory = 2,

    /// <summary>The driver has not been started.</summary>
    NotInitialized = 3,

    /// <summary>The process is ending.</summary>
    Deinitialized = 4,

    /// <summary>There is no device.</summary>
    NoDevice = 100,

    /// <summary>No device has this number.</summary>
    InvalidDevice = 101,

    /// <summary>A module that cannot be read.</summary>
    InvalidImage = 200,

    /// <summary>No context is current, or it is gone.</summary>
    InvalidContext = 201,

    /// <summary>The module is for another architecture.</summary>
    NoBinaryForGpu = 209,

    /// <summary>The assembler refuses the PTX.</summary>
    InvalidPtx = 218,

    /// <summary>The PTX is newer than the driver.</summary>
    UnsupportedPtxVersion = 222,

    /// <summary>A handle that is not, or no longer, known.</summary>
    InvalidHandle = 400,

    /// <summary>An object is not in the state that the call needs.</summary>
    IllegalState = 401,

    /// <summary>No symbol of this name.</summary>
    NotFound = 500,

    /// <summary>Work is still under way.</summary>
    NotReady = 600,

    /// <summary>A kernel has read or written where it may not; the context cannot be used any more.</summary>
    IllegalAddress = 700,

    /// <summary>A group does not fit: too many registers or too much shared memory.</summary>
    LaunchOutOfResources = 701,

    /// <summary>A kernel has run longer than the system allows.</summary>
    LaunchTimeout = 702,

    /// <summary>A kernel has read or written at an address that is not aligned.</summary>
    MisalignedAddress = 716,

    /// <summary>A kernel has failed.</summary>
    LaunchFailed = 719,

    /// <summary>The driver's library and its kernel module differ.</summary>
    SystemDriverMismatch = 803,

    /// <summary>The call cannot be captured.</summary>
    StreamCaptureUnsupported = 900,

    /// <summary>An earlier error has ended the capture.</summary>
    StreamCaptureInvalidated = 901,

    /// <summary>The driver does not say.</summary>
    Unknown = 999,
}
