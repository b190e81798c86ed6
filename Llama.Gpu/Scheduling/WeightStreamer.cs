using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Llama.Gpu.Scheduling;

/// <summary>
/// Brings the streamed pieces of a model to the device, ahead of the kernels that need them, through a few slots that take turns. The
/// order of the pieces is that of the forward pass, known in advance, so readers run ahead as far as there are slots, beyond the end of
/// a pass into the next; only whether a pass ends with the head must be announced.
/// </summary>
/// <remarks>
/// Where copies take the processor's time (<see cref="SlotLink.ConsumerFills"/>), the consumer lends a hand rather than wait, or does it all.
/// One thread consumes (<see cref="BeginPass"/>, <see cref="Take"/>, <see cref="Release"/>), any thread may dispose. An error of a reader is
/// thrown where its piece would have been taken; the next pass then begins anew and tries again. So it does after a pass that was left
/// early: what was read ahead is thrown away once the copies under way have ended.
/// </remarks>
internal sealed class WeightStreamer : IDisposable
{
    private readonly WeightPiece[] _body;
    private readonly WeightPiece[] _head;
    private readonly IWeightReader _reader;
    private readonly SlotLink _link;
    private readonly Slot[] _slots;
    private readonly Thread[] _threads;
    private readonly ReadAhead? _ahead;

    // guards all that follows; pulsed at every change
    private readonly object _gate = new();
    private CancellationTokenSource _epoch = new();
    private ExceptionDispatchInfo? _fault;
    private bool _disposed;
    private int _filling;
    private long _fillingSince;

    // pieces are numbered through from the last restart on; piece s is in slot s % slots
    private long _nextFill;
    private long _taken;
    private long _released;

    // the pass whose pieces are being read, from 1, and the one that is being computed
    private long _fillPass;
    private int _fillIndex;
    private long _pass;
    private int _passLength;
    private int _takenInPass;
    private StreamingFigures _figures;

    /// <param name="body">Streamed pieces of the layers, in the order of the pass.</param>
    /// <param name="head">Streamed pieces of the head.</param>
    /// <param name="slotCount">Number of slots.</param>
    /// <param name="link">Fills them; disposed with the streamer.</param>
    /// <param name="reader">Where the bytes come from.</param>
    public WeightStreamer(IEnumerable<WeightPiece> body, IEnumerable<WeightPiece> head, int slotCount, SlotLink link, IWeightReader reader)
    {
        _body = [.. body];
        _head = [.. head];
        _link = link;
        _reader = reader;
        _slots = [.. Enumerable.Range(0, slotCount).Select(_ => new Slot())];
        _ahead = link.ReaderCount == 0 ? new ReadAhead([.. _body, .. _head], reader) : null;
        Reset();
        _threads = [.. Enumerable.Range(0, link.ReaderCount).Select(i => new Thread(Read) { IsBackground = true, Name = $"weights {i}" })];
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>What has been done so far.</summary>
    public StreamingFigures Figures
    {
        get
        {
            lock (_gate)
            {
                return _figures;
            }
        }
    }

    /// <summary>Begins a pass over the layers.</summary>
    /// <param name="withHead">Whether the head's pieces will be taken at its end.</param>
    public void BeginPass(bool withHead)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_fault is not null || _takenInPass != _passLength || _released != _taken)
            {
                Restart();
            }

            // all pieces of the last pass have been read, since they have been taken
            if (_fillPass == _pass)
            {
                _fillPass++;
                _fillIndex = 0;
            }

            _pass++;
            _passLength = _body.Length + (withHead ? _head.Length : 0);
            _takenInPass = 0;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The next piece, when what is launched from now on can use it.</summary>
    /// <param name="expected">The piece that comes next in the pass.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The slot it is in.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public int Take(WeightPiece expected, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration wake = cancellationToken.UnsafeRegister(static state => Wake(state!), _gate);
        long start = 0;
        while (true)
        {
            Filling? help = null;
            lock (_gate)
            {
                int slot = (int)(_taken % _slots.Length);
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (IsReady(slot))
                {
                    return Begin(slot, expected, start);
                }

                cancellationToken.ThrowIfCancellationRequested();
                _fault?.Throw();
                start = start == 0 ? Stopwatch.GetTimestamp() : start;
                help = _link.ConsumerFills ? TryNext() : null;
                if (help is null)
                {
                    Monitor.Wait(_gate);
                }
            }

            if (help is { } filling)
            {
                Fill(filling);
            }
        }
    }

    /// <summary>All launches that use the piece that was taken last have been made: its slot is for a later one.</summary>
    public void Release()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _link.EndUse((int)(_released % _slots.Length));
            }

            _released++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Ends the readers, waits for copies under way, and frees the link. The slots are the caller's.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _epoch.Cancel();
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        lock (_gate)
        {
            // the consumer may be at one itself
            while (_filling > 0)
            {
                Monitor.Wait(_gate);
            }
        }

        _link.Drain();
        _link.Dispose();
        _epoch.Dispose();
    }

    private static void Wake(object gate)
    {
        lock (gate)
        {
            Monitor.PulseAll(gate);
        }
    }

    // under the gate
    private int Begin(int slot, WeightPiece expected, long waitedSince)
    {
        if (waitedSince != 0)
        {
            _figures = _figures with { WaitTime = _figures.WaitTime + Stopwatch.GetElapsedTime(waitedSince) };
        }

        if (!ReferenceEquals(_slots[slot].Piece, expected))
        {
            throw new InvalidOperationException($"piece {expected.Index} of step {expected.Step.Index} is not the next of the pass");
        }

        _link.BeginUse(slot);
        _taken++;
        _takenInPass++;
        return slot;
    }

    private bool IsReady(int slot) => _slots[slot].Ready == _taken;

    // under the gate, which is given up while the readers end what they are at
    private void Restart()
    {
        _epoch.Cancel();
        while (_filling > 0)
        {
            Monitor.Wait(_gate);
        }

        ObjectDisposedException.ThrowIf(_disposed, this);
        _link.Drain();
        _epoch.Dispose();
        _epoch = new CancellationTokenSource();
        _figures = _figures with { Restarts = _figures.Restarts + 1 };
        Reset();
    }

    private void Reset()
    {
        _fault = null;
        _nextFill = _taken = _released = 0;
        _fillPass = 1;
        _fillIndex = 0;
        _pass = 0;
        _passLength = _takenInPass = 0;
        Array.ForEach(_slots, slot => slot.Ready = -1);
    }

    // a reader's thread
    private void Read()
    {
        while (Next() is { } filling)
        {
            Fill(filling);
        }
    }

    private void Fill(Filling filling)
    {
        ExceptionDispatchInfo? fault = null;
        int slot = (int)(filling.Number % _slots.Length);
        try
        {
            long start = Stopwatch.GetTimestamp();
            _link.Fill(slot, filling.Piece, _reader, filling.Cancellation);
            _ahead?.Filled(filling.Index, Stopwatch.GetElapsedTime(start));
        }
        catch (Exception exception)
        {
            fault = ExceptionDispatchInfo.Capture(exception);
        }

        lock (_gate)
        {
            if (--_filling == 0)
            {
                _figures = _figures with { CopyTime = _figures.CopyTime + Stopwatch.GetElapsedTime(_fillingSince) };
            }

            if (fault is null)
            {
                _slots[slot].Ready = filling.Number;
                _figures = _figures with
                {
                    Pieces = _figures.Pieces + 1,
                    Bytes = _figures.Bytes + filling.Piece.Bytes,
                };
            }
            else if (!filling.Cancellation.IsCancellationRequested)
            {
                _fault ??= fault;
            }

            Monitor.PulseAll(_gate);
        }
    }

    private Filling? Next()
    {
        lock (_gate)
        {
            while (!_disposed)
            {
                if (TryNext() is { } filling)
                {
                    return filling;
                }

                Monitor.Wait(_gate);
            }

            return null;
        }
    }

    // under the gate: what may be filled now, if there is such
    private Filling? TryNext()
    {
        bool mayFill = _fault is null && !_epoch.IsCancellationRequested && _nextFill - _released < _slots.Length;
        if (!mayFill || NextPiece() is not { } piece)
        {
            return null;
        }

        long number = _nextFill++;
        _slots[number % _slots.Length].Piece = piece;
        if (_filling++ == 0)
        {
            _fillingSince = Stopwatch.GetTimestamp();
        }

        return new Filling(piece, _fillIndex - 1, number, _epoch.Token);
    }

    // null while it is not known whether the pass goes on with the head
    private WeightPiece? NextPiece()
    {
        if (_fillIndex == _passLength && _fillPass == _pass)
        {
            _fillPass++;
            _fillIndex = 0;
        }

        if (_fillIndex < _body.Length)
        {
            return _body[_fillIndex++];
        }

        return _fillPass == _pass ? _head[_fillIndex++ - _body.Length] : null;
    }

    private readonly record struct Filling(WeightPiece Piece, int Index, long Number, CancellationToken Cancellation);

    private sealed class Slot
    {
        public long Ready { get; set; } = -1;

        public WeightPiece? Piece { get; set; }
    }
}
