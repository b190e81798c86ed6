using Llama.Gpu.Cli;
using Llama.Gpu.Cli.Input;
using NUnit.Framework;

namespace Llama.Gpu.Tests.CommandLine;

public sealed class InputTests
{
    [TestCase("1", 1)]
    [TestCase("1000000", 1_000_000)]
    [TestCase("0.5KiB", 512)]
    [TestCase("1.5GiB", 1_610_612_736)]
    [TestCase("800MiB", 838_860_800)]
    [TestCase("2GB", 2_000_000_000)]
    [TestCase("2 gb", 2_000_000_000)]
    [TestCase(" 3kB ", 3000)]
    [TestCase("1.9B", 1)]
    [TestCase("1TiB", 1L << 40)]
    [TestCase(".25TB", 250_000_000_000)]
    [TestCase("9223372036854775807", long.MaxValue)]
    public void Size_is_read(string text, long bytes) => Assert.That(ByteSize.Parse(text), Is.EqualTo(bytes));

    [TestCase("")]
    [TestCase("GiB")]
    [TestCase("1.5.5GiB")]
    [TestCase("1,5GiB")]
    [TestCase("-1GiB")]
    [TestCase("1e9")]
    [TestCase("2G")]
    [TestCase("2GiBs")]
    [TestCase("NaN")]
    [TestCase("\u0661GiB")]
    [TestCase("0")]
    [TestCase("0.1B")]
    [TestCase("9223372036854775808")]
    [TestCase("8388608TiB")]
    [TestCase("79228162514264337593543950335TiB")]
    [TestCase("99999999999999999999999999999999999999999B")]
    public void Wrong_size_is_an_error_that_shows_it(string text) =>
        Assert.That(() => ByteSize.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains($"found '{text}'"));

    [TestCase(0, "0 B")]
    [TestCase(1023, "1023 B")]
    [TestCase(1024, "1.00 KiB")]
    [TestCase(1_610_612_736, "1.50 GiB")]
    [TestCase(long.MaxValue, "8388608.00 TiB")]
    public void Size_is_written(long bytes, string text) => Assert.That(ByteSize.Format(bytes), Is.EqualTo(text));

    [TestCase("7", new[] { 7 })]
    [TestCase("1,2,3", new[] { 1, 2, 3 })]
    [TestCase("1, 2 3,", new[] { 1, 2, 3 })]
    public void Ids_are_read(string text, int[] ids) => Assert.That(IdList.Parse(text), Is.EqualTo(ids));

    [TestCase("")]
    [TestCase(",")]
    [TestCase("1;2")]
    [TestCase("+1")]
    [TestCase("0x10")]
    [TestCase("2147483648")]
    public void Wrong_ids_are_an_error(string text) => Assert.That(() => IdList.Parse(text), Throws.TypeOf<FormatException>());

    [Test]
    public void Ids_outside_the_vocabulary_are_wrong_usage() =>
        Assert.That(() => IdList.Check([0, 9, 10], 10), Throws.TypeOf<UsageException>().With.Message.Contains("from 0 to 9, found 10"));

    [TestCase("auto", DeviceKind.Auto, 0)]
    [TestCase("cpu", DeviceKind.Cpu, 0)]
    [TestCase("simd", DeviceKind.Simd, 0)]
    [TestCase("opencl:12", DeviceKind.OpenCl, 12)]
    [TestCase("cuda", DeviceKind.Cuda, 0)]
    public void Device_is_read_and_written(string text, DeviceKind kind, int index)
    {
        var name = DeviceName.Parse(text);
        Assert.That(name, Is.EqualTo(new DeviceName(kind, index)));
        Assert.That(name.ToString(), Is.EqualTo(text));
    }

    [TestCase("")]
    [TestCase("CUDA")]
    [TestCase("cuda:")]
    [TestCase("cuda:-1")]
    [TestCase("cuda:1:2")]
    [TestCase("cuda:99999999999")]
    [TestCase("auto:0")]
    [TestCase("gpu")]
    public void Wrong_device_is_an_error_that_shows_it(string text) =>
        Assert.That(() => DeviceName.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains($"found '{text}'"));
}
