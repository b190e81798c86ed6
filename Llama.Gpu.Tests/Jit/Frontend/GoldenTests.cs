using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>The IR of two tiny kernels, as text.</summary>
public sealed class GoldenTests
{
    [Test]
    public void Elements_are_addresses_and_conversions_stand_alone() => Assert.That(Ir(nameof(Scale)), Is.EqualTo(
        """
        x
        """));

    [Test]
    public void A_loop_carries_its_variables_as_parameters_of_its_head() => Assert.That(Ir(nameof(Sum)), Is.EqualTo(
        """
        x
        """));

    private static string Ir(string kernel) => IrPrinter.Print(KernelFrontend.Compile(
        typeof(GoldenTests).GetMethod(kernel, BindingFlags.NonPublic | BindingFlags.Static)!, new FrontendOptions()));

    private static void Scale(ArrayView<BFloat16> data, float factor)
    {
        BFloat16 value = data[Group.IdxX];
        data[Group.IdxX] = (BFloat16)(value * factor);
    }

    private static void Sum(ArrayView<int> data, int count)
    {
        int sum = 0;
        for (int i = 0; i < count; i++)
        {
            if (data[i] > 0 && i != 7)
            {
                sum += data[i];
            }
        }

        data[0] = sum;
    }
}
