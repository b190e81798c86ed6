namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>The asynchronous copies of a lane: they arrive when they are waited for, which is the last moment that PTX allows.</summary>
internal sealed class PtxCopies
{
    private readonly Queue<List<(int Target, byte[] Bytes)>> _groups = new();
    private List<(int Target, byte[] Bytes)> _open = [];

    public void Begin(int target, byte[] bytes) => _open.Add((target, bytes));

    public void Commit()
    {
        _groups.Enqueue(_open);
        _open = [];
    }

    public void Wait(int pending, byte[] shared)
    {
        while (_groups.Count > pending)
        {
            _groups.Dequeue().ForEach(copy => copy.Bytes.CopyTo(shared, copy.Target));
        }
    }
}
