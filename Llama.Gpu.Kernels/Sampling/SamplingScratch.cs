namespace Llama.Gpu.Kernels;

/// <summary>Device memory that <see cref="TokenSampling"/> works in, cut out of two views.</summary>
public readonly struct SamplingScratch
{
    /// <summary>Classes of weights: 1/32 of an e-fold wide, so that a weight that is not 0 is in none of the last.</summary>
    internal const int Classes = 1024;

    /// <summary>Classes to an e-fold.</summary>
    internal const double ClassesPerEFold = 32.0;

    // the order of the largest logit, and its id
    private const int PeakCount = 2;

    private SamplingScratch(ArrayView<long> longs, ArrayView<int> ints, int vocabulary)
    {
        Weights = longs.SubView(0, vocabulary);
        ClassWeights = longs.SubView(vocabulary, Classes);
        Peak = ints.SubView(0, PeakCount);
        ClassCounts = ints.SubView(PeakCount, Classes);
        Listed = ints.SubView(PeakCount + Classes, vocabulary);
        ClassOf = ints.SubView(PeakCount + Classes + vocabulary, (vocabulary + 1) / 2).Cast<short>();
    }

    /// <summary>(V): <see cref="ExactWeights"/>.</summary>
    internal readonly ArrayView<long> Weights;

    /// <summary>(classes): sums of weights; zeros between tokens.</summary>
    internal readonly ArrayView<long> ClassWeights;

    /// <summary>(2): the largest <see cref="TokenOrder.OfLogit"/> and the lowest id that has it; below and above all between tokens.</summary>
    internal readonly ArrayView<int> Peak;

    /// <summary>(classes): numbers of weights that are not 0; zeros between tokens.</summary>
    internal readonly ArrayView<int> ClassCounts;

    /// <summary>(V): ids of the tokens of one class.</summary>
    internal readonly ArrayView<int> Listed;

    /// <summary>(V): the class of each token.</summary>
    internal readonly ArrayView<short> ClassOf;

    /// <summary>64-bit elements that a vocabulary needs.</summary>
    public static long LongCount(int vocabulary) => (long)vocabulary + Classes;

    /// <summary>32-bit elements that a vocabulary needs.</summary>
    public static long IntCount(int vocabulary) => PeakCount + Classes + vocabulary + ((vocabulary + 1L) / 2);

    /// <summary>Cuts the views up and brings them into the state that holds between tokens.</summary>
    /// <param name="longs">At least <see cref="LongCount"/> elements.</param>
    /// <param name="ints">At least <see cref="IntCount"/> elements.</param>
    /// <param name="vocabulary">V, at most <see cref="ExactWeights.MaxVocabulary"/>.</param>
    /// <exception cref="ArgumentException">A view is too short, or the vocabulary out of range.</exception>
    public static SamplingScratch Create(ArrayView<long> longs, ArrayView<int> ints, int vocabulary)
    {
        Require.Dimension(vocabulary);
        if (vocabulary > ExactWeights.MaxVocabulary)
        {
            throw new ArgumentException($"expected at most {ExactWeights.MaxVocabulary} tokens, found {vocabulary}", nameof(vocabulary));
        }

        Require.Holds(longs, LongCount(vocabulary));
        Require.Holds(ints, IntCount(vocabulary));
        var scratch = new SamplingScratch(longs, ints, vocabulary);
        scratch.ClassWeights.MemSetToZero();
        scratch.ClassCounts.MemSetToZero();
        scratch.Peak.CopyFromCPU([int.MinValue, int.MaxValue]);
        return scratch;
    }
}
