using System.Runtime.CompilerServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// A lane's asynchronous copies. Hardware may write a target at any moment until it has been waited for; here it happens at the last
/// one, and until then something else stands there, so that a kernel that forgets to wait is wrong.
/// </summary>
internal sealed unsafe class LaneCopies
{
    // not the byte of memory that nobody wrote, so that the sanitizer sees a write
    internal const byte InFlight = 0xFD;

    private readonly Queue<List<Copy>> _groups = new();
    private List<Copy> _open = [];

    /// <summary>Begins a copy.</summary>
    /// <exception cref="InvalidKernelOperationException">Memory of the wrong kind, a wrong alignment or size.</exception>
    public void Begin<T>(ArrayView<T> target, int targetIndex, ArrayView<T> source, long sourceIndex, int bytes, int sourceBytes)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (bytes % size != 0 || sourceBytes < 0 || sourceBytes > bytes || sourceBytes % size != 0)
        {
            throw new InvalidKernelOperationException($"a copy of {bytes} bytes cannot read {sourceBytes} bytes of {typeof(T).Name}");
        }

        ArrayView<T> to = target.SubView(targetIndex, bytes / size);
        ArrayView<T> from = sourceBytes == 0 ? ArrayView<T>.Empty : source.SubView(sourceIndex, sourceBytes / size);
        if (to.Source is not CPUMemoryBuffer { Scope: MemoryScope.Shared } buffer
            || (sourceBytes > 0 && from.Source is not CPUMemoryBuffer { Scope: MemoryScope.Global }))
        {
            throw new InvalidKernelOperationException("an asynchronous copy goes from global to shared memory");
        }

        if (to.Address % bytes != 0 || from.Address % bytes != 0)
        {
            throw new InvalidKernelOperationException($"a copy of {bytes} bytes goes from a multiple of {bytes} bytes to another");
        }

        var copy = new Copy(buffer, to.Address, bytes);
        Touch(from.Source, from.Address, sourceBytes);
        new ReadOnlySpan<byte>((void*)from.Address, sourceBytes).CopyTo(copy.Values);
        Touch(buffer, to.Address, bytes);
        new Span<byte>((void*)to.Address, bytes).Fill(InFlight);
        Mark(copy, inFlight: true);
        _open.Add(copy);
    }

    /// <summary>Makes a group of the copies since the last one.</summary>
    public void Commit()
    {
        _groups.Enqueue(_open);
        _open = [];
    }

    /// <summary>Delivers all groups but the youngest.</summary>
    public void Wait(int pendingGroups)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pendingGroups);
        while (_groups.Count > pendingGroups)
        {
            foreach (Copy copy in _groups.Dequeue())
            {
                Mark(copy, inFlight: false);
                Touch(copy.Target, copy.Address, copy.Values.Length);
                copy.Values.CopyTo(new Span<byte>((void*)copy.Address, copy.Values.Length));
            }
        }
    }

    /// <summary>The lane is done; nobody can wait for what is still on its way.</summary>
    public void Drop()
    {
        _open.ForEach(copy => Mark(copy, inFlight: false));
        _open.Clear();
        while (_groups.TryDequeue(out List<Copy>? group))
        {
            group.ForEach(copy => Mark(copy, inFlight: false));
        }
    }

    private static void Touch(MemoryBuffer? buffer, nint address, int bytes)
    {
        if (Sanitizer.AnyActive && bytes > 0)
        {
            Sanitizer.Touch(buffer, address, bytes);
        }
    }

    private static void Mark(Copy copy, bool inFlight)
    {
        if (Sanitizer.AnyActive)
        {
            Sanitizer.MarkInFlight(copy.Target, copy.Address, copy.Values.Length, inFlight);
        }
    }

    private sealed record Copy(CPUMemoryBuffer Target, nint Address, int Bytes)
    {
        public byte[] Values { get; } = new byte[Bytes];
    }
}
