using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Infrastructure;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Cache;

/// <summary>Files of the cache: whole or not there, whatever happens to the disk.</summary>
public sealed class KernelCacheTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Create() => _folder = new();

    [TearDown]
    public void Dispose() => _folder.Dispose();

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(100_000)]
    public void Contents_come_back(int length)
    {
        var cache = new KernelCache(_folder["new/kernels"]);
        Assert.That(cache.Find(Key(1)), Is.Null);
        cache.Store(Key(1), Contents(1, length));
        cache.Store(Key(2), Contents(2, length));
        Assert.That(cache.Find(Key(1)), Is.EqualTo(Contents(1, length)));
        Assert.That(new KernelCache(_folder["new/kernels"]).Find(Key(2)), Is.EqualTo(Contents(2, length)));
        Assert.That(cache.Find(Key(3)), Is.Null);
    }

    [Test]
    public void Later_contents_take_the_place_of_earlier_ones()
    {
        var cache = new KernelCache(_folder.Path);
        cache.Store(Key(1), Contents(1, 500));
        cache.Store(Key(1), Contents(2, 20));
        Assert.That(cache.Find(Key(1)), Is.EqualTo(Contents(2, 20)));
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void File_cut_at_any_length_is_a_miss_and_is_replaced()
    {
        var cache = new KernelCache(_folder.Path);
        cache.Store(Key(1), Contents(1, 150));
        string path = Directory.GetFiles(_folder.Path).Single();
        byte[] whole = File.ReadAllBytes(path);
        Assert.That(whole, Has.Length.EqualTo(KernelCacheEntry.HeaderBytes + 150));
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.That(cache.Find(Key(1)), Is.Null, $"{length} bytes");
        }

        File.WriteAllBytes(path, [.. whole, 0]);
        Assert.That(cache.Find(Key(1)), Is.Null);
        cache.Store(Key(1), Contents(1, 150));
        Assert.That(cache.Find(Key(1)), Is.EqualTo(Contents(1, 150)));
    }

    [Test]
    public void Changed_bit_is_a_miss()
    {
        var random = new Random(9);
        byte[] whole = KernelCacheEntry.Encode(Key(1), Contents(1, 400));
        for (int i = 0; i < 1000; i++)
        {
            byte[] changed = [.. whole];
            int bit = random.Next(whole.Length * 8);
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.That(KernelCacheEntry.Decode(Key(1), changed), Is.Null, $"bit {bit}");
        }

        Assert.That(KernelCacheEntry.Decode(Key(1), whole), Is.EqualTo(Contents(1, 400)));
    }

    [Test]
    public void File_of_another_key_is_a_miss()
    {
        var cache = new KernelCache(_folder.Path);
        cache.Store(Key(1), Contents(1, 10));
        File.Copy(Directory.GetFiles(_folder.Path).Single(), _folder[$"{Key(2).Hex}.kernel"]);
        Assert.That(cache.Find(Key(2)), Is.Null);
    }

    // every cache is one process: they share nothing but the folder
    [Test]
    public void Writers_and_readers_at_once_see_whole_contents()
    {
        const int keys = 4;
        int found = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            var cache = new KernelCache(_folder.Path, maxBytes: 60_000);
            for (int i = 0; i < 40; i++)
            {
                int key = (worker + i) % keys;
                cache.Store(Key(key), Contents(key, 20_000));
                if (cache.Find(Key(i % keys)) is { } contents)
                {
                    Assert.That(contents.AsSpan().SequenceEqual(Contents(i % keys, 20_000)));
                    Interlocked.Increment(ref found);
                }
            }
        });
        Assert.That(found, Is.Positive);
        Assert.That(Directory.GetFiles(_folder.Path, "*.tmp"), Is.Empty);
    }

    [Test]
    public void Disk_that_becomes_full_leaves_what_was_there([Values(0, 1, 50, 149)] int room)
    {
        new KernelCache(_folder.Path).Store(Key(1), Contents(1, 10));
        var cache = new KernelCache(_folder.Path, create: path => new FullDisk(path, room));
        cache.Store(Key(1), Contents(2, 150));
        cache.Store(Key(2), Contents(2, 150));
        Assert.That(cache.Find(Key(1)), Is.EqualTo(Contents(1, 10)));
        Assert.That(cache.Find(Key(2)), Is.Null);
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    [Platform("Linux")]
    public void Full_device_of_the_system_is_no_error()
    {
        var cache = new KernelCache(_folder.Path, create: _ => new FileStream("/dev/full", FileMode.Open, FileAccess.Write));
        cache.Store(Key(1), Contents(1, 100));
        Assert.That(cache.Find(Key(1)), Is.Null);
    }

    [Test]
    public void Folder_that_cannot_be_made_is_no_error()
    {
        File.WriteAllText(_folder["file"], "not a folder");
        var cache = new KernelCache(_folder["file/kernels"]);
        cache.Store(Key(1), Contents(1, 100));
        Assert.That(cache.Find(Key(1)), Is.Null);
    }

    [Test]
    public void Folder_that_can_only_be_read_still_gives_what_it_has()
    {
        new KernelCache(_folder.Path).Store(Key(1), Contents(1, 10));
        var cache = new KernelCache(_folder.Path, create: _ => throw new UnauthorizedAccessException("read only"));
        cache.Store(Key(2), Contents(2, 10));
        Assert.That(cache.Find(Key(1)), Is.EqualTo(Contents(1, 10)));
        Assert.That(cache.Find(Key(2)), Is.Null);
    }

    [Test]
    public void Folder_in_the_place_of_a_file_is_a_miss()
    {
        Directory.CreateDirectory(_folder[$"{Key(1).Hex}.kernel"]);
        var cache = new KernelCache(_folder.Path);
        cache.Store(Key(1), Contents(1, 10));
        Assert.That(cache.Find(Key(1)), Is.Null);
    }

    [Test]
    public void What_has_not_been_used_for_longest_goes_first()
    {
        var cache = new KernelCache(_folder.Path, maxBytes: 10_000);
        for (int i = 0; i < 9; i++)
        {
            cache.Store(Key(i), Contents(i, 1000));
            File.SetLastWriteTimeUtc(_folder[$"{Key(i).Hex}.kernel"], DateTime.UtcNow.AddDays(i - 100));
        }

        Assert.That(cache.Find(Key(0)), Is.Not.Null);
        cache.Store(Key(9), Contents(9, 1000));
        int[] left = [.. Enumerable.Range(0, 10).Where(i => cache.Find(Key(i)) is not null)];
        Assert.That(left, Is.EqualTo(new[] { 0, 5, 6, 7, 8, 9 }));
        Assert.That(Directory.GetFiles(_folder.Path).Sum(file => new FileInfo(file).Length), Is.LessThan(10_000));
    }

    [Test]
    public void Contents_larger_than_the_cache_are_not_stored()
    {
        var cache = new KernelCache(_folder.Path, maxBytes: 1000);
        cache.Store(Key(1), Contents(1, 1000));
        Assert.That(Directory.GetFiles(_folder.Path), Is.Empty);
    }

    [Test]
    public void Trimming_takes_old_temporary_files_and_nothing_that_is_not_the_caches()
    {
        File.WriteAllText(_folder["notes.txt"], "mine");
        File.WriteAllText(_folder["a.kernel.0.tmp"], "of a process that has ended");
        File.WriteAllText(_folder["b.kernel.1.tmp"], "of a process that writes");
        File.SetLastWriteTimeUtc(_folder["a.kernel.0.tmp"], DateTime.UtcNow.AddHours(-2));
        var cache = new KernelCache(_folder.Path, maxBytes: 2000);
        cache.Store(Key(1), Contents(1, 1000));
        cache.Store(Key(2), Contents(2, 1000));
        Assert.That(File.Exists(_folder["notes.txt"]));
        Assert.That(File.Exists(_folder["b.kernel.1.tmp"]));
        Assert.That(File.Exists(_folder["a.kernel.0.tmp"]), Is.False);
        Assert.That(cache.Find(Key(2)), Is.Not.Null);
    }

    [Test]
    [Platform("Linux")]
    public void Folder_is_what_the_environment_asks_for_or_the_users_own()
    {
        static string? Folder(params (string Name, string Value)[] variables) =>
            KernelCache.DefaultFolder(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
        Assert.Multiple(() =>
        {
            Assert.That(Folder(("LLAMA_GPU_CACHE", "/a"), ("HOME", "/h")), Is.EqualTo("/a/kernels"));
            Assert.That(Folder(("LLAMA_GPU_CACHE", "OFF"), ("HOME", "/h")), Is.Null);
            Assert.That(Folder(("XDG_CACHE_HOME", "/x"), ("HOME", "/h")), Is.EqualTo("/x/llama-gpu/kernels"));
            Assert.That(Folder(("XDG_CACHE_HOME", "relative"), ("HOME", "/h")), Is.EqualTo("/h/.cache/llama-gpu/kernels"));
            Assert.That(Folder(("LLAMA_GPU_CACHE", ""), ("HOME", "/h")), Is.EqualTo("/h/.cache/llama-gpu/kernels"));
            Assert.That(Folder(), Is.Null);
        });
    }

    private static KernelKey Key(int number) => new($"{number:x64}");

    private static byte[] Contents(int seed, int length)
    {
        byte[] contents = new byte[length];
        new Random(seed).NextBytes(contents);
        return contents;
    }

    private sealed class FullDisk(string path, int room) : FileStream(path, FileMode.CreateNew, FileAccess.Write)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            base.Write(buffer[..Math.Min(room, buffer.Length)]);
            throw new IOException("No space left on device");
        }
    }
}
