namespace Llama.Gpu.Scheduling;

/// <summary>
/// Keeps the disk at work where no thread reads ahead of the kernels: it has the system read the pieces that come next, as soon as one
/// took so long that it cannot have come from the page cache. Pieces that lie there need no such call, which would cost a twentieth
/// of their copy. Not for use by several threads.
/// </summary>
/// <param name="pieces">The pieces of a pass in order; the next pass begins with the first again.</param>
/// <param name="reader">Where they come from.</param>
internal sealed class ReadAhead(IReadOnlyList<WeightPiece> pieces, IWeightReader reader)
{
    private const long AheadBytes = 32 << 20;

    // above what drives give, below what a page cache does
    private const double DiskBytesPerSecond = 1.5e9;

    // pieces that have been read ahead are fast: it goes on for as many after the last slow one
    private const int Patience = 256;

    private readonly int _most = (int)Math.Min(pieces.Count - 1, Math.Max(1, AheadBytes / pieces.Max(piece => piece.Bytes)));
    private int _patience;
    private int _ahead;

    /// <summary>Takes note of how long a piece took.</summary>
    /// <param name="index">Its place among the pieces.</param>
    /// <param name="took">The time from the call to the last byte.</param>
    public void Filled(int index, TimeSpan took)
    {
        bool isSlow = took.TotalSeconds * DiskBytesPerSecond > pieces[index].Bytes;
        _patience = isSlow ? Patience : Math.Max(0, _patience - 1);
        _ahead = Math.Max(0, _ahead - 1);
        while (_patience > 0 && _ahead < _most)
        {
            _ahead++;
            foreach (RowRange rows in pieces[(index + _ahead) % pieces.Count].Rows)
            {
                reader.WillRead(rows.Matrix.Tensor, rows.First * rows.Matrix.RowBytes, rows.Bytes);
            }
        }
    }
}
