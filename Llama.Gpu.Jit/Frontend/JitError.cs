using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>The errors of the frontend: what is outside the kernel dialect, and what to write instead.</summary>
/// <param name="Number">Stays with its error for good.</param>
/// <param name="What">Says what was found; <c>{0}</c> is its name.</param>
/// <param name="Instead">What to write instead.</param>
internal sealed record JitError(string Number, string What, string Instead)
{
    public static readonly JitError UnsupportedType = new(
        "JIT0001", "the type {0} cannot be used in a kernel", "use numbers, enums, ArrayView<T>, and structs of them");

    public static readonly JitError Allocation = new(
        "JIT0002", "a kernel cannot create a {0}", "use SharedMemory.Allocate or LocalMemory.Allocate with a constant extent, or a struct");

    public static readonly JitError Boxing = new(
        "JIT0003", "{0} would become an object", "make the method that takes it generic over a struct");

    public static readonly JitError Object = new(
        "JIT0004", "{0} works on an object", "call a static method, or a static abstract member of a struct type parameter");

    public static readonly JitError Delegate = new(
        "JIT0005", "{0} goes through a delegate or a function pointer", "pass a struct type parameter with a static abstract method");

    public static readonly JitError Throw = new(
        "JIT0006", "a kernel cannot throw {0}", "check arguments in the launcher, and give every switch expression a default arm");

    public static readonly JitError TryBlock = new(
        "JIT0007",
        "{0} has a try, catch, finally, using or lock block",
        "write the kernel without it; kernels hold nothing that must be released");

    public static readonly JitError Recursion = new(
        "JIT0008", "{0} calls itself", "write a loop; every call is built into the kernel");

    public static readonly JitError Text = new(
        "JIT0009", "a kernel cannot use the string \"{0}\"", "pass numbers or enums");

    public static readonly JitError StaticState = new(
        "JIT0010", "{0} is static state", "use a constant, a static readonly number, or a parameter of the kernel");

    public static readonly JitError CheckedArithmetic = new(
        "JIT0011", "{0} checks for overflow", "write unchecked(...), and check ranges in the launcher");

    public static readonly JitError PointerArithmetic = new(
        "JIT0012", "{0} computes with addresses", "index a view, or take a SubView; for scratch memory use LocalMemory.Allocate");

    public static readonly JitError UnknownFunction = new(
        "JIT0013",
        "{0} exists only on the host",
        "use what Llama.Gpu.Jit offers to kernels: XMath, IntrinsicMath, Group, Warp, Atomic, Interop");

    public static readonly JitError ExtentNotConstant = new(
        "JIT0014", "the extent of {0} is not a constant", "use a const, or a static abstract property of a struct type parameter");

    public static readonly JitError LocalReference = new(
        "JIT0015",
        "a reference to a local variable is used as {0}",
        "use a reference to an element of a view: local variables have no address, so which one is meant must be known while compiling");

    public static readonly JitError UnsupportedInstruction = new(
        "JIT0016", "the IL instruction {0} is not supported", "write it with plain arithmetic, views and structs");

    public static readonly JitError Irreducible = new(
        "JIT0017", "a goto of {0} jumps into a loop", "write a for, while or do loop, which is entered at its head alone");

    public static readonly JitError MixedMemory = new(
        "JIT0018",
        "{0} may point into different memories",
        "use a view of global, shared or local memory in one place: branch around the work, not around the view");

    public static readonly JitError WarpOf32 = new(
        "JIT0019",
        "{0} works on warps of 32 lanes, and the device's warps have another width",
        "choose a device with warps of 32: a CUDA device, new SimdDevice(warpSize: 32) or CPUDevice.Nvidia");

    public static readonly JitError MatrixElement = new(
        "JIT0020", "tensor cores do not multiply {0}", "use Half or BFloat16 as the type argument");

    public static readonly JitError NotConstant = new(
        "JIT0021", "{0} needs a constant from 0 to 7", "use a const, or a static abstract property of a struct type parameter");

    public static readonly JitError WrongMemory = new(
        "JIT0022", "{0}", "give the place in shared memory as a view of SharedMemory, and the source of a copy as a view of a buffer");

    public static readonly JitError WarpGroupSums = new(
        "JIT0023",
        "{0} takes sums that are not a whole array of the lane's own, of half as many elements as there are columns, or are indexed by what the kernel computes",
        "make them with LocalMemory.Allocate, pass the whole view, and index it by loop counters with constant bounds");

    public static readonly JitError WarpGroupColumns = new(
        "JIT0025", "{0} needs a constant number of columns, 64, 128 or 256", "use a const, or a static abstract property of a struct type parameter");

    public static readonly JitError RegisterCount = new(
        "JIT0024", "{0} needs a constant that is a multiple of 8 from 24 to 256", "use a const");

    public static readonly JitError BlockDistance = new(
        "JIT0026", "{0} needs a constant distance of blocks, a multiple of 512 up to 130560 elements", "use a const, or a static abstract property of a struct type parameter");

    public static readonly JitError ClusterGroups = new(
        "JIT0027",
        "{0} is for another number of groups than the kernel's clusters have, or not for a constant number",
        "give the kernel a ClusterSize of 2 to 8, pass the same constant, or 1 without one; boxes have rows that are a constant multiple of 8");

    public static readonly JitError MixedSpaces = new(
        "JIT0101", "a view may lie in {0} memory", "write the access once for each kind of memory");

    public static readonly JitError NoMemory = new(
        "JIT0102", "{0} with no memory behind it is used", "give the view memory on every way to this line");

    public KernelCompilationException At(string kernel, SourcePoint source, string name) =>
        new(Number, kernel, source.File, source.Line, string.Format(CultureInfo.InvariantCulture, What, name), Instead);
}
