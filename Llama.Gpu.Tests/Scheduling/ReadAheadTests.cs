using Llama.Gpu.Checkpoints;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Scheduling;

/// <summary>When the system is told what will be read, and what.</summary>
public sealed class ReadAheadTests
{
    private static readonly TimeSpan FromCache = TimeSpan.Zero;
    private static readonly TimeSpan FromDisk = TimeSpan.FromSeconds(1);

    private readonly WeightPiece[] _pieces =
        [.. ModelLayout.Of(SyntheticPresets.Get("300m"), TensorType.BFloat16).Steps.SelectMany(step => WeightPiece.Cut(step, 1 << 20))];

    [Test]
    public void Nothing_is_told_while_pieces_come_from_the_page_cache()
    {
        var reader = new Listener();
        var ahead = new ReadAhead(_pieces, reader);
        for (int i = 0; i < 1000; i++)
        {
            ahead.Filled(i % _pieces.Length, FromCache);
        }

        Assert.That(reader.Told, Is.Empty);
    }

    [Test]
    public void Piece_from_disk_has_the_next_ones_told_once_each_and_beyond_the_end_the_first()
    {
        var reader = new Listener();
        var ahead = new ReadAhead(_pieces, reader);
        int start = _pieces.Length - 5;
        for (int i = 0; i < 20; i++)
        {
            ahead.Filled((start + i) % _pieces.Length, i == 0 ? FromDisk : FromCache);
        }

        int told = 0;
        int next = start + 1;
        while (told < reader.Told.Count)
        {
            foreach (RowRange rows in _pieces[next % _pieces.Length].Rows)
            {
                Assert.That(reader.Told[told++], Is.EqualTo((rows.Matrix.Tensor, rows.First * rows.Matrix.RowBytes, rows.Bytes)));
            }

            next++;
        }

        long bytes = reader.Told.Sum(part => part.Count);
        Assert.That(next - start, Is.GreaterThan(20 + 8), "as far ahead as before");
        Assert.That(bytes, Is.LessThan((32 << 20) + (20L * _pieces.Max(piece => piece.Bytes))));
    }

    [Test]
    public void It_ends_some_time_after_the_last_slow_piece()
    {
        var reader = new Listener();
        var ahead = new ReadAhead(_pieces, reader);
        ahead.Filled(0, FromDisk);
        for (int i = 1; i < 1000; i++)
        {
            ahead.Filled(i % _pieces.Length, FromCache);
        }

        int told = reader.Told.Count;
        ahead.Filled(1000 % _pieces.Length, FromCache);
        Assert.That(reader.Told, Has.Count.EqualTo(told).And.Count.GreaterThan(200));
    }

    [Test]
    public void Checkpoint_takes_the_hint_and_reads_the_same()
    {
        using var random = new RandomModel(1);
        using Checkpoint checkpoint = random.Open();
        foreach (TensorInfo tensor in checkpoint.Tensors.Values)
        {
            checkpoint.WillCopy(tensor, 0, tensor.ByteLength);
            byte[] copied = new byte[tensor.ByteLength];
            checkpoint.CopyTo(tensor, 0, copied);
            Assert.That(copied, Is.EqualTo(checkpoint.Read(tensor, 0, copied.Length).ToArray()));
        }
    }

    [TestCase("1", "48K", "2", "2048K", 2048L << 10)]
    [TestCase("1", "32K", "3", "4096K", 512L << 10)]
    [TestCase("2", "lots", "1", "", 512L << 10)]
    public void Second_level_cache_is_found_or_guessed(string level0, string size0, string level1, string size1, long expected)
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, level, size) in new[] { ("index0", level0, size0), ("index1", level1, size1) })
        {
            Directory.CreateDirectory(folder[name]);
            File.WriteAllText(Path.Combine(folder[name], "level"), level + "\n");
            File.WriteAllText(Path.Combine(folder[name], "size"), size + "\n");
        }

        Assert.That(HostCache.Find(Path.GetDirectoryName(folder["index0"])!), Is.EqualTo(expected));
        Assert.That(HostCache.Find(folder["nowhere"]), Is.EqualTo(512 << 10));
    }

    private sealed class Listener : IWeightReader
    {
        public List<(string Tensor, long Offset, long Count)> Told { get; } = [];

        public void Read(string tensor, long offset, Span<byte> destination) => throw new NotSupportedException();

        public void WillRead(string tensor, long offset, long count) => Told.Add((tensor, offset, count));
    }
}
