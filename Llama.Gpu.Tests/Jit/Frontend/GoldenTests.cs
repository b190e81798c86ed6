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
        kernel GoldenTests_Scale(data: ptr.global, data.Length: i64, factor: f32)
        b0():
            %0: ptr.global = parameter 0
            %1: f32 = parameter 2
            %2: i32 = builtin lanex
            %3: i64 = constant 2
            %4: i64 = signextend %2
            %5: i64 = mul %4, %3
            %6: ptr.global = offset %0, %5
            %7: i16 = load align 2 %6
            %8: i64 = signextend %2
            %9: i64 = mul %8, %3
            %10: ptr.global = offset %0, %9
            %11: f32 = bfloat16tofloat %7
            %12: f32 = mul %11, %1
            %13: i16 = floattobfloat16 %12
            store align 2 %10, %13
            return

        """));

    [Test]
    public void A_loop_carries_its_variables_as_parameters_of_its_head() => Assert.That(Ir(nameof(Sum)), Is.EqualTo(
        """
        kernel GoldenTests_Sum(data: ptr.global, data.Length: i64, count: i32)
        b0():
            %0: ptr.global = parameter 0
            %1: i32 = parameter 2
            %2: i32 = constant 0
            %3: i64 = constant 4
            %4: i32 = constant 7
            %5: i32 = constant 1
            goto b1(%2, %2)
        b1(%6: i32, %7: i32):
            %8: i1 = lt %6, %1
            if %8 goto b2() else b6()
        b2():
            %9: i64 = signextend %6
            %10: i64 = mul %9, %3
            %11: ptr.global = offset %0, %10
            %12: i32 = load align 4 %11
            %13: i1 = le %12, %2
            if %13 goto b5(%7) else b3()
        b3():
            %14: i1 = eq %6, %4
            if %14 goto b5(%7) else b4()
        b4():
            %15: i64 = signextend %6
            %16: i64 = mul %15, %3
            %17: ptr.global = offset %0, %16
            %18: i32 = load align 4 %17
            %19: i32 = add %7, %18
            goto b5(%19)
        b5(%20: i32):
            %21: i32 = add %6, %5
            goto b1(%21, %20)
        b6():
            store align 4 %0, %7
            return

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
