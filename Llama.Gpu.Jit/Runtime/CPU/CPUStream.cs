namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>A stream of the accelerators on the host: every launch and copy is done when its call returns.</summary>
internal sealed class CPUStream(Accelerator accelerator) : AcceleratorStream(accelerator)
{
    public override void Synchronize()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
