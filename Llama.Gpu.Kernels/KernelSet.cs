namespace Llama.Gpu.Kernels;

/// <summary>Every operation of the transformer, ready for one accelerator. Typed kernels are loaded when a type is first used.</summary>
/// <param name="accelerator">Where the operations will run.</param>
/// <param name="shapes">How work is cut into groups and lanes.</param>
public sealed class KernelSet(Accelerator accelerator, LaunchShapes shapes)
{
    private readonly Lazy<TokenSampling> _tokenSampling = new(() => new(accelerator, shapes));

    /// <summary>How work is cut into groups and lanes.</summary>
    public LaunchShapes Shapes => shapes;

    /// <summary>Prepares every operation with the accelerator's own launch shapes.</summary>
    public KernelSet(Accelerator accelerator)
        : this(accelerator, LaunchShapes.For(accelerator))
    {
    }

    /// <summary>Tokens to embeddings.</summary>
    public EmbeddingGather EmbeddingGather { get; } = new(accelerator, shapes);

    /// <summary>Root-mean-square normalization.</summary>
    public RmsNorm RmsNorm { get; } = new(accelerator, shapes);

    /// <summary>Matrix product with a weight: projections of several tokens.</summary>
    public MatMul MatMul { get; } = new(accelerator, shapes);

    /// <summary>Matrix-vector product: projections of one token.</summary>
    public MatVec MatVec { get; } = new(accelerator, shapes);

    /// <summary>Queries, keys and values of one token, with the norm before them.</summary>
    public QkvProjection QkvProjection { get; } = new(accelerator, shapes);

    /// <summary>The same with the keys and values rotated and stored in the cache.</summary>
    public QkvAppend QkvAppend { get; } = new(accelerator, shapes);

    /// <summary>First half of the MLP of one token, with the norm before it.</summary>
    public GateUpProjection GateUpProjection { get; } = new(accelerator, shapes);

    /// <summary>Bias of a projection.</summary>
    public BiasAdd BiasAdd { get; } = new(accelerator, shapes);

    /// <summary>Rotary position embedding.</summary>
    public Rope Rope { get; } = new(accelerator, shapes);

    /// <summary>New keys or values into the cache.</summary>
    public KeyValueCacheAppend KeyValueCacheAppend { get; } = new(accelerator, shapes);

    /// <summary>Queries, rotated on the way, against the cache, in one pass.</summary>
    public Attention Attention { get; } = new(accelerator, shapes);

    /// <summary>Rotated queries against the key cache.</summary>
    public RopeScores RopeScores { get; } = new(accelerator, shapes);

    /// <summary>Scores to probabilities.</summary>
    public CausalSoftmax CausalSoftmax { get; } = new(accelerator, shapes);

    /// <summary>Probabilities times the value cache.</summary>
    public AttentionWeightedSum AttentionWeightedSum { get; } = new(accelerator, shapes);

    /// <summary>Gate of the MLP.</summary>
    public SwiGlu SwiGlu { get; } = new(accelerator, shapes);

    /// <summary>Addition to the residual stream.</summary>
    public ResidualAdd ResidualAdd { get; } = new(accelerator, shapes);

    /// <summary>Logits.</summary>
    public OutputHead OutputHead { get; } = new(accelerator, shapes);

    /// <summary>Index of the largest logit.</summary>
    public ArgMax ArgMax { get; } = new(accelerator, shapes);

    /// <summary>Choice of a token from logits; made when first asked for, since it needs doubles and 64-bit atomics.</summary>
    public TokenSampling TokenSampling => _tokenSampling.Value;

    /// <summary>The operations of the spectral analysis; loaded when first asked for, since no model needs them.</summary>
    public SpectralKernelSet Spectral => field ??= new(accelerator, shapes);
}
