using Llama.Gpu.Analysis;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using Llama.Gpu.Scheduling;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Simd;
using MathNet.Numerics.LinearAlgebra;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Analysis;

/// <summary>The analysis of whole checkpoints: what was planted comes back, what was not asked for is not read.</summary>
public sealed class SpectralAnalysisTests
{
    private static readonly LlamaConfig Tiny = SyntheticPresets.Get("tiny");

    [Test]
    public void Planted_spectra_come_back()
    {
        using var folder = new TemporaryFolder();
        var planted = PlantedSpectrum.ParseAll("q=rank:4,k=power:1.5,v=exp:0.5,o=flat");
        SyntheticCheckpoint.Write(folder["model"], Tiny, TensorType.Float32, seed: 5, planted);
        HeadSpectrum[] spectra = Analyze(folder["model"]);
        Assert.That(spectra, Has.Length.EqualTo(3 * (4 + 2 + 2 + 4)));
        double norm = 0.02 * Math.Sqrt(16 * 64);
        foreach (HeadSpectrum spectrum in spectra)
        {
            double[] expected = planted[spectrum.Matrix.Name()[0]].Values(16, norm);
            Assert.That(spectrum.SingularValues, Is.EqualTo(expected).Within(2e-7 * expected[0]), $"{spectrum.Layer} {spectrum.Matrix} {spectrum.Head}");
            SpectralMetrics wanted = SpectralMetrics.Of(expected);
            Assert.That(spectrum.Metrics.Top10Ratio, Is.EqualTo(wanted.Top10Ratio).Within(1e-6));
            Assert.That(spectrum.Metrics.EffectiveRank, Is.EqualTo(wanted.EffectiveRank).Within(1e-4));
            Assert.That(spectrum.Metrics.StableRank, Is.EqualTo(wanted.StableRank).Within(1e-5));
            Assert.That(spectrum.Metrics.SpectralEntropy, Is.EqualTo(wanted.SpectralEntropy).Within(1e-5));
        }
    }

    [Test]
    public void Planted_spectra_hold_to_the_rounding_of_bf16_in_any_part_and_thread()
    {
        using var folder = new TemporaryFolder();
        LlamaConfig config = SyntheticPresets.Get("300m") with { LayerCount = 1, VocabularySize = 64, IntermediateSize = 64 };
        SyntheticCheckpoint.Write(folder["model"], config, TensorType.BFloat16, seed: 1, PlantedSpectrum.ParseAll("rank:8"));
        foreach (HeadSpectrum spectrum in Analyze(folder["model"]))
        {
            Assert.That(spectrum.SingularValues[7] / spectrum.SingularValues[0], Is.GreaterThan(0.99));
            Assert.That(spectrum.SingularValues[8] / spectrum.SingularValues[0], Is.LessThan(0.005).And.GreaterThan(0));
        }
    }

    [Test]
    public void Products_agree_with_products_of_full_size()
    {
        using var checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        LlamaConfig config = checkpoint.Config;
        HeadSpectrum[] spectra = Analyze(checkpoint, new() { Layers = [3], Matrices = [HeadMatrix.OutputValue, HeadMatrix.QueryKey], Heads = [5, 1] });
        Assert.That(spectra.Select(spectrum => (spectrum.Matrix, spectrum.Head)), Is.EqualTo(new[]
        {
            (HeadMatrix.QueryKey, 1), (HeadMatrix.QueryKey, 5), (HeadMatrix.OutputValue, 1), (HeadMatrix.OutputValue, 5),
        }));
        LayerTensorNames names = TensorNames.Layer(3);
        Matrix<double> q = Read(checkpoint, names.QueryWeight);
        Matrix<double> k = Read(checkpoint, names.KeyWeight);
        Matrix<double> v = Read(checkpoint, names.ValueWeight);
        Matrix<double> o = Read(checkpoint, names.OutputWeight);
        int n = config.HeadDim;
        foreach (HeadSpectrum spectrum in spectra)
        {
            int shared = spectrum.Head / (config.HeadCount / config.KeyValueHeadCount) * n;
            int own = spectrum.Head * n;
            Matrix<double> product = spectrum.Matrix == HeadMatrix.QueryKey
                ? q.SubMatrix(own, n, 0, config.HiddenSize).Transpose() * k.SubMatrix(shared, n, 0, config.HiddenSize)
                : o.SubMatrix(0, config.HiddenSize, own, n) * v.SubMatrix(shared, n, 0, config.HiddenSize);
            double[] expected = [.. product.Svd(computeVectors: false).S.Take(n)];
            Assert.That(spectrum.SingularValues, Is.EqualTo(expected).Within(1e-10 * expected[0]), spectrum.Matrix.Name());
        }
    }

    [Test]
    public void Keys_and_values_are_counted_once_or_for_each_query_head()
    {
        var request = new SpectralRequest { Layers = [1], Matrices = [HeadMatrix.Key], Heads = [7, 2, 3] };
        Assert.That(Analyze(RepositoryFolder.TinyModel, request).Select(spectrum => spectrum.Head), Is.EqualTo(new[] { 0, 1 }));
        HeadSpectrum[] each = Analyze(RepositoryFolder.TinyModel, request with { PerQueryHead = true });
        Assert.That(each.Select(spectrum => spectrum.Head), Is.EqualTo(new[] { 2, 3, 7 }));
        Assert.That(each[0].SingularValues, Is.EqualTo(each[1].SingularValues));
        Assert.That(each[0].SingularValues, Is.Not.EqualTo(each[2].SingularValues));
    }

    [Test]
    public void Only_what_is_asked_for_is_read_and_one_matrix_at_a_time()
    {
        using var checkpoint = new RecordingCheckpoint(RepositoryFolder.TinyModel);
        var budget = new DeviceBudget(SimdAccelerators.Of(256), long.MaxValue);
        _ = new SpectralAnalysis(checkpoint, budget).Analyze(new() { Layers = [4, 2], Matrices = [HeadMatrix.Key, HeadMatrix.OutputValue] }).Count();
        IEnumerable<string> expected =
            from layer in (int[])[2, 4] from matrix in (string[])["o", "v", "k"] select $"model.layers.{layer}.self_attn.{matrix}_proj.weight";
        Assert.That(checkpoint.Copied.Distinct(), Is.EquivalentTo(expected));
        Assert.That(budget.UsedBytes, Is.Zero);

        // the largest weight, and 2 + 8 + 2 + 8 heads of 16 x 24 and 10 of 16 x 56
        Assert.That(budget.PeakBytes, Is.LessThan((128 * 128 * 2) + (8 * ((20 * 16 * 24) + (10 * 16 * 56) + 160)) + 1));
    }

    [Test]
    public void Heads_wider_than_the_hidden_size_have_as_many_values_as_it()
    {
        using var folder = new TemporaryFolder();
        SyntheticCheckpoint.Write(folder["model"], Tiny with { HiddenSize = 10, LayerCount = 1 }, TensorType.Float32, seed: 3);
        Assert.That(Analyze(folder["model"]).Select(spectrum => spectrum.SingularValues.Length), Is.All.EqualTo(10));
        Assert.That(Analyze(folder["model"]).Select(spectrum => spectrum.SingularValues[^1]), Is.All.GreaterThan(1e-4));
    }

    [Test]
    public void What_the_model_does_not_have_is_refused()
    {
        Assert.That(() => Analyze(RepositoryFolder.TinyModel, new() { Layers = [5] }), Throws.InstanceOf<AnalysisException>().With.Message.Contains("layers: expected from 0 to 4, found 5"));
        Assert.That(() => Analyze(RepositoryFolder.TinyModel, new() { Heads = [-1] }), Throws.InstanceOf<AnalysisException>().With.Message.Contains("heads: expected from 0 to 7, found -1"));
        Assert.That(() => Analyze(RepositoryFolder.TinyModel, new() { Matrices = [] }), Throws.InstanceOf<AnalysisException>());
        using var checkpoint = Checkpoint.Open(RepositoryFolder.TinyModel);
        Assert.That(
            () => new SpectralAnalysis(checkpoint, new DeviceBudget(SimdAccelerators.Of(256), 1000)).Analyze().Count(),
            Throws.InstanceOf<MemoryBudgetException>().With.Message.Contains("spectral analysis"));
    }

    [Test]
    public void Weights_that_are_not_finite_name_their_tensor()
    {
        using var checkpoint = new RecordingCheckpoint(RepositoryFolder.TinyModel) { Spoiled = "model.layers.2.self_attn.v_proj.weight" };
        var error = Assert.Throws<CheckpointException>(
            () => new SpectralAnalysis(checkpoint, new DeviceBudget(SimdAccelerators.Of(256), long.MaxValue)).Analyze().Count());
        Assert.That(error!.Subject, Is.EqualTo(checkpoint.Spoiled));
    }

    [TestCase("")]
    [TestCase("flat:1")]
    [TestCase("rank:0")]
    [TestCase("rank:1.5")]
    [TestCase("exp:2")]
    [TestCase("power:NaN")]
    [TestCase("q=flat,q=flat")]
    [TestCase("x=flat")]
    [TestCase("q=flat,")]
    public void Spectra_that_are_none_are_refused(string text) => Assert.That(() => PlantedSpectrum.ParseAll(text), Throws.InstanceOf<FormatException>());

    private static HeadSpectrum[] Analyze(string directory, SpectralRequest? request = null)
    {
        using var checkpoint = Checkpoint.Open(directory);
        return Analyze(checkpoint, request);
    }

    private static HeadSpectrum[] Analyze(Checkpoint checkpoint, SpectralRequest? request) =>
        [.. new SpectralAnalysis(checkpoint, new DeviceBudget(SimdAccelerators.Of(256), long.MaxValue)).Analyze(request)];

    private static Matrix<double> Read(Checkpoint checkpoint, string name)
    {
        TensorInfo tensor = checkpoint.Tensors[name];
        ReadOnlySpan<byte> bytes = checkpoint.Read(tensor, 0, (int)tensor.ByteLength);
        float[] values = [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16))];
        return Matrix<double>.Build.Dense((int)tensor.Shape[0], (int)tensor.Shape[1], (row, column) => values[(row * (int)tensor.Shape[1]) + column]);
    }

    /// <summary>Notes what is read, and spoils a tensor.</summary>
    private sealed class RecordingCheckpoint(string directory) : Checkpoint
    {
        private readonly Checkpoint _inner = Open(directory);

        public List<string> Copied { get; } = [];

        public string? Spoiled { get; init; }

        public override string Directory => _inner.Directory;

        public override LlamaConfig Config => _inner.Config;

        public override IReadOnlyDictionary<string, TensorInfo> Tensors => _inner.Tensors;

        public override void CopyTo(TensorInfo tensor, long byteOffset, Span<byte> destination)
        {
            Copied.Add(tensor.Name);
            _inner.CopyTo(tensor, byteOffset, destination);
            if (tensor.Name == Spoiled)
            {
                destination[..2].Fill(0xFF);
            }
        }

        public override ReadOnlySpan<byte> Read(TensorInfo tensor, long byteOffset, int byteCount) => _inner.Read(tensor, byteOffset, byteCount);

        protected override void Dispose(bool disposing) => _inner.Dispose();
    }
}
