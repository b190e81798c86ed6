namespace Llama.Gpu.Kernels;

/// <content>What runs on the device.</content>
public sealed partial class TokenDraw
{
    // the bits of a key that are looked at at a time
    private const int DigitBits = 8;
    private const int Digits = 1 << DigitBits;
    private const int KeyBits = 64;

    // parts that ranges of ids, and rows of bins, are cut into
    private const int Parts = 64;

    internal static void Kernel(
        ArrayView<float> logits,
        SamplingScratch scratch,
        ArrayView<long> choice,
        ArrayView<int> position,
        ArrayView<int> token,
        ArrayView<int> chosen,
        int vocabulary,
        int tokenCount)
    {
        ArrayView<int> counts = SharedMemory.Allocate<int>(Digits);
        ArrayView<long> weights = SharedMemory.Allocate<long>(Digits);
        ArrayView<long> sums = SharedMemory.Allocate<long>(2 * Parts);
        ArrayView<long> border = SharedMemory.Allocate<long>(Border.Length);
        int positions = position[0] + tokenCount;
        double temperature = Interop.IntAsFloat((ulong)choice[TokenChoice.TemperatureAt]);
        double topP = Interop.IntAsFloat((ulong)choice[TokenChoice.TopPAt]);
        long topK = choice[TokenChoice.TopKAt];
        int peak = scratch.Peak[0];
        int id = scratch.Peak[1];
        bool isSound = peak > TokenOrder.MinusInfinity && peak < TokenOrder.PlusInfinity;
        if (isSound && temperature > 0.0)
        {
            // a token stays if its key is at least this
            ulong least = 0UL;
            long total = 0L;
            if (topK > 0L || topP < 1.0)
            {
                SumClasses(scratch, sums, border);
                total = border[Border.Weight];
                if (topK > 0L && topK < border[Border.Count])
                {
                    least = Find<CountMeasure>(topK, logits, scratch, counts, weights, sums, border, vocabulary);
                    total = border[Border.Weight];
                }

                if (topP < 1.0)
                {
                    long bound = ExactWeights.NucleusBound(topP, total);
                    least = Find<WeightMeasure>(bound, logits, scratch, counts, weights, sums, border, vocabulary);
                }
            }

            ulong draw = (ulong)choice[TokenChoice.FirstDrawAt] + (ulong)positions;
            id = Draw(
                logits,
                scratch.Weights,
                least,
                choice[TokenChoice.LeastWeightAt],
                ExactWeights.Uniform((ulong)choice[TokenChoice.SeedAt], draw),
                sums,
                border,
                vocabulary);
        }

        // as it is between tokens
        Group.Barrier();
        int lanes = Group.DimX;
        for (int i = Group.IdxX; i < SamplingScratch.Classes; i += lanes)
        {
            scratch.ClassCounts[i] = 0;
            scratch.ClassWeights[i] = 0L;
        }

        if (Group.IdxX == 0)
        {
            scratch.Peak[0] = int.MinValue;
            scratch.Peak[1] = int.MaxValue;
            position[0] = positions;
            token[0] = isSound ? id : 0;
            chosen[0] = isSound ? id : -1;
        }
    }

    /// <summary>Number and weight of all tokens whose weight is not 0, into the border.</summary>
    private static void SumClasses(SamplingScratch scratch, ArrayView<long> sums, ArrayView<long> border)
    {
        int lanes = Group.DimX;
        if (Group.IdxX == 0)
        {
            border[Border.Count] = 0L;
            border[Border.Weight] = 0L;
        }

        Group.Barrier();
        long count = 0L;
        long weight = 0L;
        for (int i = Group.IdxX; i < SamplingScratch.Classes; i += lanes)
        {
            count += scratch.ClassCounts[i];
            weight += scratch.ClassWeights[i];
        }

        Atomic.Add(ref border[Border.Count], count);
        Atomic.Add(ref border[Border.Weight], weight);
        Group.Barrier();
    }

    /// <summary>
    /// The key of the first token, in descending order, up to which the measure comes to the bound, which is at most that of all. The
    /// border then has the weight up to it.
    /// </summary>
    private static ulong Find<TMeasure>(
        long bound,
        ArrayView<float> logits,
        SamplingScratch scratch,
        ArrayView<int> counts,
        ArrayView<long> weights,
        ArrayView<long> sums,
        ArrayView<long> border,
        int vocabulary)
        where TMeasure : struct, IMeasure
    {
        int lane = Group.IdxX;
        int lanes = Group.DimX;
        Group.Barrier();
        if (lane == 0)
        {
            border[Border.Count] = 0L;
            border[Border.Weight] = 0L;
            border[Border.Listed] = 0L;
        }

        // classes are in descending order
        Walk<TMeasure>(bound, scratch.ClassCounts, scratch.ClassWeights, SamplingScratch.Classes, descends: false, sums, border);
        int ofBorder = (int)border[Border.Bin];
        for (int id = lane; id < vocabulary; id += lanes)
        {
            if (scratch.ClassOf[id] == ofBorder)
            {
                scratch.Listed[(int)Atomic.Add(ref border[Border.Listed], 1L)] = id;
            }
        }

        Group.Barrier();
        int listed = (int)border[Border.Listed];
        ulong prefix = 0UL;
        for (int shift = KeyBits - DigitBits; shift >= 0; shift -= DigitBits)
        {
            for (int i = lane; i < Digits; i += lanes)
            {
                counts[i] = 0;
                weights[i] = 0L;
            }

            Group.Barrier();
            for (int i = lane; i < listed; i += lanes)
            {
                int id = scratch.Listed[i];
                ulong key = TokenOrder.Key(logits[id], id);

                // in two steps, since a shift by the width of the key would be one by nothing
                if ((key >> shift) >> DigitBits == prefix)
                {
                    int digit = (int)(key >> shift) & (Digits - 1);
                    Atomic.Add(ref counts[digit], 1);
                    Atomic.Add(ref weights[digit], scratch.Weights[id]);
                }
            }

            Walk<TMeasure>(bound, counts, weights, Digits, descends: true, sums, border);
            prefix = (prefix << DigitBits) | (ulong)border[Border.Bin];
        }

        // the last digit is that of one token, of which the border has what stands before
        int last = (int)border[Border.Bin];
        long upToBorder = border[Border.Weight] + weights[last];
        Group.Barrier();
        if (lane == 0)
        {
            border[Border.Weight] = upToBorder;
        }

        Group.Barrier();
        return prefix;
    }

    /// <summary>
    /// The bin in which the measure, from what the border has on, comes to the bound; the border then has number and weight before that bin.
    /// Begins and ends with a barrier.
    /// </summary>
    private static void Walk<TMeasure>(
        long bound, ArrayView<int> counts, ArrayView<long> weights, int bins, bool descends, ArrayView<long> sums, ArrayView<long> border)
        where TMeasure : struct, IMeasure
    {
        int lanes = Group.DimX;
        int stretch = bins / Parts;
        Group.Barrier();
        for (int part = Group.IdxX; part < Parts; part += lanes)
        {
            long count = 0L;
            long weight = 0L;
            for (int i = part * stretch; i < (part + 1) * stretch; i++)
            {
                int bin = descends ? bins - 1 - i : i;
                count += counts[bin];
                weight += weights[bin];
            }

            sums[part] = count;
            sums[Parts + part] = weight;
        }

        Group.Barrier();
        if (Group.IdxX == 0)
        {
            long count = border[Border.Count];
            long weight = border[Border.Weight];
            int part = 0;
            while (part < Parts - 1 && TMeasure.Of(count + sums[part], weight + sums[Parts + part]) < bound)
            {
                count += sums[part];
                weight += sums[Parts + part];
                part++;
            }

            int i = part * stretch;
            int bin = descends ? bins - 1 - i : i;
            int end = i + stretch - 1;
            while (i < end && TMeasure.Of(count + counts[bin], weight + weights[bin]) < bound)
            {
                count += counts[bin];
                weight += weights[bin];
                i++;
                bin = descends ? bins - 1 - i : i;
            }

            border[Border.Bin] = bin;
            border[Border.Count] = count;
            border[Border.Weight] = weight;
        }

        Group.Barrier();
    }

    /// <summary>
    /// The first token, in ascending order of id, up to which there is more weight than the draw's target, among those that stay. A range of
    /// ids is cut into parts, which warps add up, and the part with the token is the next range.
    /// </summary>
    private static int Draw(
        ArrayView<float> logits,
        ArrayView<long> weights,
        ulong leastKey,
        long leastWeight,
        double uniform,
        ArrayView<long> sums,
        ArrayView<long> border,
        int vocabulary)
    {
        int warps = IntrinsicMath.DivRoundUp(Group.DimX, Warp.WarpSize);
        int warpLanes = WarpReduction.LaneCount();
        int lanes = Group.DimX;
        int first = 0;
        int size = vocabulary;
        bool isWhole = true;
        while (size > 1)
        {
            int width = IntrinsicMath.DivRoundUp(size, Parts);
            Group.Barrier();
            for (int part = Group.IdxX; part < Parts; part += lanes)
            {
                sums[part] = 0L;
            }

            Group.Barrier();
            for (int part = Warp.WarpIdx; part < Parts; part += warps)
            {
                long sum = 0L;
                int end = first + IntrinsicMath.Min(size, (part + 1) * width);
                for (int id = first + (part * width) + Warp.LaneIdx; id < end; id += warpLanes)
                {
                    long weight = weights[id];
                    if (weight >= leastWeight && (leastKey == 0UL || TokenOrder.Key(logits[id], id) >= leastKey))
                    {
                        sum += weight;
                    }
                }

                if (sum > 0L)
                {
                    Atomic.Add(ref sums[part], sum);
                }
            }

            Group.Barrier();
            if (Group.IdxX == 0)
            {
                long before = 0L;
                long target = border[Border.Target];
                if (isWhole)
                {
                    long total = 0L;
                    for (int part = 0; part < Parts; part++)
                    {
                        total += sums[part];
                    }

                    target = ExactWeights.Target(uniform, total);
                }

                int at = 0;
                while (at < Parts - 1 && before + sums[at] <= target)
                {
                    before += sums[at];
                    at++;
                }

                border[Border.Bin] = at;
                border[Border.Target] = target - before;
            }

            Group.Barrier();
            int chosen = (int)border[Border.Bin];
            size = IntrinsicMath.Min(width, size - (chosen * width));
            first += chosen * width;
            isWhole = false;
        }

        return first;
    }

    /// <summary>What a border is looked for by.</summary>
    private interface IMeasure
    {
        /// <summary>The one or the other.</summary>
        static abstract long Of(long count, long weight);
    }

    private readonly struct CountMeasure : IMeasure
    {
        public static long Of(long count, long weight) => count;
    }

    private readonly struct WeightMeasure : IMeasure
    {
        public static long Of(long count, long weight) => weight;
    }

    /// <summary>Places of the numbers that lanes share while a border is looked for.</summary>
    private static class Border
    {
        public const int Count = 0;
        public const int Weight = 1;
        public const int Bin = 2;
        public const int Listed = 3;
        public const int Target = 4;
        public const int Length = 5;
    }
}
