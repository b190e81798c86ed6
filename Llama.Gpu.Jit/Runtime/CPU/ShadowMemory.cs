namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// What the sanitizer knows of a buffer: for each granule of it, the turns (numbered over all launches) in which lanes last
/// touched it. A granule is the buffer's element, at most 4 bytes; a finer touch refines it.
/// </summary>
internal sealed class ShadowMemory
{
    private Cell[] _cells;

    public ShadowMemory(CPUMemoryBuffer buffer)
    {
        Granule = buffer.ElementSize % 4 == 0 ? 4 : buffer.ElementSize % 2 == 0 ? 2 : 1;
        _cells = new Cell[checked((buffer.LengthInBytes + Granule - 1) / Granule)];
    }

    /// <summary>Bytes of a granule.</summary>
    public int Granule { get; private set; }

    /// <summary>The cells of a range of bytes.</summary>
    public Span<Cell> Cells(long offset, int size)
    {
        while (offset % Granule != 0 || size % Granule != 0)
        {
            Refine();
        }

        return _cells.AsSpan((int)(offset / Granule), size / Granule);
    }

    private void Refine()
    {
        var finer = new Cell[checked(_cells.Length * 2)];
        for (int i = 0; i < finer.Length; i++)
        {
            finer[i] = _cells[i / 2];
        }

        _cells = finer;
        Granule /= 2;
    }

    /// <summary>Turns that touched a granule; 0 for none.</summary>
    public struct Cell
    {
        /// <summary>The last turn that has noted the granule's value.</summary>
        public int Noted;

        /// <summary>The last turn that wrote.</summary>
        public int Write;

        /// <summary>The last turn that changed it atomically.</summary>
        public int Atomic;

        /// <summary>The last turn that read.</summary>
        public int Read;

        /// <summary>The last turn of another lane that read before <see cref="Read"/>.</summary>
        public int OtherRead;

        /// <summary>Whether an asynchronous copy that nobody has waited for writes it.</summary>
        public bool InFlight;
    }
}
