using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Jit.Runtime.CPU;
using Llama.Gpu.Jit.Runtime.OpenCL;
using Llama.Gpu.Jit.Runtime.Simd;

namespace Llama.Gpu.Measurement;

/// <summary>
/// Measures what a device can at most do. Each call is one sample of a few hundredths of a second, to be taken right beside what it
/// is compared with: on a machine that others use too, a ceiling of a minute ago says nothing.
/// </summary>
public abstract class CeilingProbe : IDisposable
{
    private protected CeilingProbe()
    {
    }

    /// <summary>
    /// The probe for a device. A device that is the host's processor is measured by vector loops on every core, whatever compiles its
    /// kernels: its ceiling must not depend on the compiler that is held against it. Any other is measured by kernels.
    /// </summary>
    /// <exception cref="AcceleratorException">The device has not enough memory free.</exception>
    public static CeilingProbe For(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        return accelerator.Device is CPUDevice or SimdDevice or CLDevice { IsProcessor: true } ? new HostProbe() : new KernelProbe(accelerator);
    }

    /// <summary>Reads a stretch of memory larger than most caches once.</summary>
    /// <returns>Bytes a second.</returns>
    public abstract double Read();

    /// <summary>Copies one half of that stretch to the other.</summary>
    /// <returns>Bytes a second, those read and those written.</returns>
    public abstract double Copy();

    /// <summary>Multiplies and adds f32 in registers.</summary>
    /// <returns>Operations a second, two for each multiplication with its addition.</returns>
    public abstract double MultiplyAdd();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
