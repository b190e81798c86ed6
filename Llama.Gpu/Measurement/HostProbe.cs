using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Llama.Gpu.Measurement;

/// <summary>The ceilings of the host's processor, by vector loops on every core.</summary>
internal sealed unsafe class HostProbe : CeilingProbe
{
    private const long Bytes = 512L << 20;
    private const int ChunkBytes = 4 << 20;
    private const int Chunks = (int)(Bytes / ChunkBytes);

    // two units with a latency of four turns want eight sums under way
    private const int Sums = 10;
    private const int Turns = 200_000;
    private const int ArithmeticChunks = 32;

    // how far ahead a line is asked for: a processor's own prefetching ends with a page of 4 KiB
    private const int PrefetchedFloats = 2048 / sizeof(float);
    private const int LineFloats = 64 / sizeof(float);

    private readonly byte* _memory;

    // what is computed has to go somewhere, or the loops would be removed
    private float _sink;

    public HostProbe()
    {
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, 4096);

        // pages that nobody wrote yet are not memory
        CoreGang.Run(Chunks, i => new Span<byte>(_memory + ((long)i * ChunkBytes), ChunkBytes).Fill(1));
    }

    public override double Read()
    {
        var time = CoreGang.Run(Chunks, i => _sink = Sum((float*)(_memory + ((long)i * ChunkBytes)), ChunkBytes / sizeof(float)));
        return Bytes / time.TotalSeconds;
    }

    public override double Copy()
    {
        var time = CoreGang.Run(Chunks / 2, i =>
        {
            byte* source = _memory + ((long)i * ChunkBytes);
            Buffer.MemoryCopy(source, source + (Bytes / 2), ChunkBytes, ChunkBytes);
        });
        return Bytes / time.TotalSeconds;
    }

    public override double MultiplyAdd()
    {
        bool wide = Vector512.IsHardwareAccelerated;
        var time = CoreGang.Run(ArithmeticChunks, i => _sink = wide ? MultiplyAdd512(i, Turns) : MultiplyAddAny(i, Turns));
        double lanes = wide ? Vector512<float>.Count : Vector<float>.Count;
        return 2.0 * lanes * Sums * Turns * ArithmeticChunks / time.TotalSeconds;
    }

    protected override void Dispose(bool disposing) => NativeMemory.AlignedFree(_memory);

    ~HostProbe() => Dispose(disposing: false);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum(float* values, int count)
    {
        var a = Vector<float>.Zero;
        var b = Vector<float>.Zero;
        var c = Vector<float>.Zero;
        var d = Vector<float>.Zero;
        int step = Vector<float>.Count;
        for (float* end = values + count; values < end; values += 4 * step)
        {
            for (int line = 0; Sse.IsSupported && line < 4 * step; line += LineFloats)
            {
                Sse.Prefetch1(values + PrefetchedFloats + line);
            }

            a += Vector.Load(values);
            b += Vector.Load(values + step);
            c += Vector.Load(values + (2 * step));
            d += Vector.Load(values + (3 * step));
        }

        return Vector.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float MultiplyAdd512(int seed, int turns)
    {
        var factor = Vector512.Create(0.999f);
        var addend = Vector512.Create((float)seed);
        Vector512<float> a = addend, b = addend, c = addend, d = addend, e = addend;
        Vector512<float> f = addend, g = addend, h = addend, i = addend, j = addend;
        for (int turn = 0; turn < turns; turn++)
        {
            a = Vector512.FusedMultiplyAdd(a, factor, addend);
            b = Vector512.FusedMultiplyAdd(b, factor, addend);
            c = Vector512.FusedMultiplyAdd(c, factor, addend);
            d = Vector512.FusedMultiplyAdd(d, factor, addend);
            e = Vector512.FusedMultiplyAdd(e, factor, addend);
            f = Vector512.FusedMultiplyAdd(f, factor, addend);
            g = Vector512.FusedMultiplyAdd(g, factor, addend);
            h = Vector512.FusedMultiplyAdd(h, factor, addend);
            i = Vector512.FusedMultiplyAdd(i, factor, addend);
            j = Vector512.FusedMultiplyAdd(j, factor, addend);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float MultiplyAddAny(int seed, int turns)
    {
        var factor = new Vector<float>(0.999f);
        var addend = new Vector<float>(seed);
        Vector<float> a = addend, b = addend, c = addend, d = addend, e = addend;
        Vector<float> f = addend, g = addend, h = addend, i = addend, j = addend;
        for (int turn = 0; turn < turns; turn++)
        {
            a = Vector.FusedMultiplyAdd(a, factor, addend);
            b = Vector.FusedMultiplyAdd(b, factor, addend);
            c = Vector.FusedMultiplyAdd(c, factor, addend);
            d = Vector.FusedMultiplyAdd(d, factor, addend);
            e = Vector.FusedMultiplyAdd(e, factor, addend);
            f = Vector.FusedMultiplyAdd(f, factor, addend);
            g = Vector.FusedMultiplyAdd(g, factor, addend);
            h = Vector.FusedMultiplyAdd(h, factor, addend);
            i = Vector.FusedMultiplyAdd(i, factor, addend);
            j = Vector.FusedMultiplyAdd(j, factor, addend);
        }

        return Vector.Sum(a + b + c + d + e + f + g + h + i + j);
    }
}
