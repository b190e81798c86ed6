using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>What a random kernel writes on an accelerator, and where two of them part.</summary>
internal sealed record AgreementRun(int[] Ints, float[] Floats)
{
    private const int Groups = 3;

    // of OpenCL's functions, tanh may err the most: by 5 units
    private const int FunctionUnits = 5;

    private static readonly int[] InputInts =
    [
        0, 1, -1, 2, 7, -8, 127, 128, -129, 255, 256, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, int.MinValue + 1, 31, 32, 33, 63,
        .. Enumerable.Range(0, RandomKernel.InputLength - 22).Select(i => unchecked((int)(0x9E3779B9u * (uint)(i + 1)) >> (i % 29))),
    ];

    private static readonly float[] InputFloats =
    [
        0f, -0f, 1f, -1f, 0.1f, 1.5f, -2.75f, 3e9f, -3e9f, 1e20f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon,
        1e-40f, float.MaxValue, 70000.4f, 16777217f, 2147483648f, -2147483648f, 9.3e18f, 0.5f,
        .. Enumerable.Range(0, RandomKernel.InputLength - 22).Select(i => ((i * 37 % 101) - 50) * 0.173f),
    ];

    private delegate void Launch(
        AcceleratorStream stream, KernelConfig config, ArrayView<int> ints, ArrayView<float> floats, ArrayView<int> intsOut, ArrayView<float> floatsOut, int n);

    public static AgreementRun Of(Accelerator accelerator, MethodInfo method, RandomKernel kernel)
    {
        int lanes = Groups * kernel.Lanes;
        using var ints = accelerator.Allocate1D(InputInts);
        using var floats = accelerator.Allocate1D(InputFloats);
        using var intsOut = accelerator.Allocate1D(new int[lanes * RandomKernel.IntsPerLane]);
        using var floatsOut = accelerator.Allocate1D(new float[lanes * RandomKernel.FloatsPerLane]);
        accelerator.LoadKernel<Launch>(method)(
            accelerator.DefaultStream, (Groups, kernel.Lanes), ints.View, floats.View, intsOut.View, floatsOut.View, (kernel.Seed % 11) - 2);
        accelerator.Synchronize();
        return new AgreementRun(intsOut.GetAsArray1D(), floatsOut.GetAsArray1D());
    }

    /// <summary>Says where another run differs from this one, which is right; null if nowhere.</summary>
    public string? Difference(AgreementRun found)
    {
        for (int i = 0; i < Ints.Length; i++)
        {
            if (Ints[i] != found.Ints[i])
            {
                return $"int {i % RandomKernel.IntsPerLane} of lane {i / RandomKernel.IntsPerLane} is {found.Ints[i]}, not {Ints[i]}";
            }
        }

        for (int i = 0; i < Floats.Length; i++)
        {
            int place = i % RandomKernel.FloatsPerLane;
            if (Units(Floats[i], found.Floats[i]) > (place == RandomKernel.FloatsPerLane - 1 ? FunctionUnits : 0))
            {
                return $"float {place} of lane {i / RandomKernel.FloatsPerLane} is {found.Floats[i]:R}, not {Floats[i]:R}";
            }
        }

        return null;
    }

    // floats of one sign are ordered as their bits are; NaN is NaN whatever its other bits
    private static long Units(float expected, float found)
    {
        if (float.IsNaN(expected) || float.IsNaN(found))
        {
            return float.IsNaN(expected) && float.IsNaN(found) ? 0 : long.MaxValue;
        }

        int a = BitConverter.SingleToInt32Bits(expected);
        int b = BitConverter.SingleToInt32Bits(found);
        return (a ^ b) < 0 ? long.MaxValue : Math.Abs((long)a - b);
    }
}
