namespace Llama.Gpu.Jit.Runtime;

/// <summary>A queue of launches and copies that run in order.</summary>
public abstract class AcceleratorStream : IDisposable
{
    private protected AcceleratorStream(Accelerator accelerator) => Accelerator = accelerator;

    /// <summary>The accelerator it belongs to.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Waits until everything queued so far is done.</summary>
    public abstract void Synchronize();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the driver holds for it.</summary>
    protected abstract void Dispose(bool disposing);
}
