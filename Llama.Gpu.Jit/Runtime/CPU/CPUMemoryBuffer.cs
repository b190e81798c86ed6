using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>Memory of the accelerators on the host: aligned to a cache line, with a shadow where it is watched.</summary>
internal sealed unsafe class CPUMemoryBuffer : MemoryBuffer
{
    private const nuint Alignment = 64;
    private const nuint SharedAlignment = TensorMap<Half>.BoxAlignment;

    private readonly bool _accounted;

    public CPUMemoryBuffer(Accelerator accelerator, long length, int elementSize, MemoryScope scope)
        : base(accelerator, length, elementSize)
    {
        Scope = scope;
        _accounted = scope == MemoryScope.Global;
        try
        {
            NativePtr = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(LengthInBytes, 1), scope == MemoryScope.Shared ? SharedAlignment : Alignment);
        }
        catch (OutOfMemoryException exception)
        {
            GC.SuppressFinalize(this);
            throw new AcceleratorException(accelerator.AcceleratorType, $"no memory for a buffer of {LengthInBytes} bytes", exception);
        }

        if (_accounted)
        {
            accelerator.AccountAllocation(LengthInBytes);
        }
    }

    ~CPUMemoryBuffer() => Dispose(disposing: false);

    /// <summary>Who sees it.</summary>
    public MemoryScope Scope { get; }

    /// <summary>What the sanitizer knows of its elements; made at the first watched touch.</summary>
    public ShadowMemory? Shadow { get; set; }

    internal override void CopyFromHost(AcceleratorStream stream, void* source, nint target, long bytes) =>
        Buffer.MemoryCopy(source, (void*)target, bytes, bytes);

    internal override void CopyToHost(AcceleratorStream stream, nint source, void* target, long bytes) =>
        Buffer.MemoryCopy((void*)source, target, bytes, bytes);

    internal override void CopyWithin(AcceleratorStream stream, nint source, nint target, long bytes) =>
        Buffer.MemoryCopy((void*)source, (void*)target, bytes, bytes);

    internal override void MemSet(AcceleratorStream stream, byte value, nint target, long bytes) =>
        NativeMemory.Fill((void*)target, (nuint)bytes, value);

    /// <summary>Sets every byte.</summary>
    public void Fill(byte value) => NativeMemory.Fill((void*)NativePtr, (nuint)LengthInBytes, value);

    protected override void Dispose(bool disposing)
    {
        if (NativePtr != 0)
        {
            NativeMemory.AlignedFree((void*)NativePtr);
            NativePtr = 0;
            if (_accounted)
            {
                Accelerator.AccountAllocation(-LengthInBytes);
            }
        }
    }
}

/// <summary>Who sees a piece of memory.</summary>
internal enum MemoryScope
{
    /// <summary>Every lane of every group.</summary>
    Global,

    /// <summary>The lanes of one group.</summary>
    Shared,

    /// <summary>One lane.</summary>
    Local,
}
