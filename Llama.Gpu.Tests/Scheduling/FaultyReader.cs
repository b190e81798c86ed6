using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>Reads like another reader until it is told to do something else.</summary>
internal sealed class FaultyReader(IWeightReader reader) : IWeightReader
{
    private int _reads;

    /// <summary>Called before each read with its number; throws or waits if it likes.</summary>
    public Action<int>? BeforeRead { get; set; }

    public int Reads => Volatile.Read(ref _reads);

    public void Read(string tensor, long offset, Span<byte> destination)
    {
        BeforeRead?.Invoke(Interlocked.Increment(ref _reads));
        reader.Read(tensor, offset, destination);
    }
}
