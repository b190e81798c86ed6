using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>Kernel parameters that are no views, and structs as elements of views.</summary>
public sealed class ParameterTests
{
    [Test]
    public void Small_integers_come_with_their_sign()
    {
        var output = new byte[16];
        LaneLaunch.Run(Compile(nameof(Small)), new KernelConfig(1, 1), new(0, output), new(4), new(-3), new(-3), new(-1), new(1));
        Assert.That(Enumerable.Range(0, 4).Select(i => BitConverter.ToInt32(output, 4 * i)), Is.EqualTo(new[] { -3, 253, 65535, 7 }));
    }

    [Test]
    public unsafe void Fields_of_elements_stand_where_CSharp_puts_them()
    {
        Mixed[] data = [default, new() { A = 1, B = 2.5, C = 3, D = new() { First = 4, Second = 5 }, E = true }];
        var memory = new byte[2 * sizeof(Mixed)];
        fixed (Mixed* source = data)
        {
            new ReadOnlySpan<byte>(source, memory.Length).CopyTo(memory);
        }

        LaneLaunch.Run(Compile(nameof(Elements)), new KernelConfig(1, 1), new(0, memory), new(2));
        fixed (byte* result = memory)
        {
            Mixed first = ((Mixed*)result)[0];
            Assert.That((first.A, first.B, first.C, first.D.First, first.D.Second, first.E), Is.EqualTo((1, 3.5, 3, 4, 6L, true)));
        }
    }

    [Test]
    public void A_group_of_uneven_dimensions_knows_its_places()
    {
        var output = new byte[2 * 3 * 4];
        LaneLaunch.Run(Compile(nameof(Places)), new KernelConfig(1, 1, 1, 3, 2, 1), new(0, output), new(6));
        Assert.That(Enumerable.Range(0, 6).Select(i => BitConverter.ToInt32(output, 4 * i)), Is.EqualTo(new[] { 0, 1, 2, 10, 11, 12 }));
    }

    private static IrFunction Compile(string kernel)
    {
        IrFunction function = KernelFrontend.Compile(
            typeof(ParameterTests).GetMethod(kernel, BindingFlags.NonPublic | BindingFlags.Static)!, new FrontendOptions());
        IrVerifier.Check(function, "the frontend");
        return function;
    }

    private static void Small(ArrayView<int> output, sbyte signed, byte unsigned, char letter, bool flag)
    {
        output[0] = signed;
        output[1] = unsigned;
        output[2] = letter;
        output[3] = flag ? 7 : 8;
    }

    private static void Elements(ArrayView<Mixed> data)
    {
        data[0] = data[1];
        data[0].B += 1;
        ref Inner inner = ref data[0].D;
        inner.Second++;
    }

    private static void Places(ArrayView<int> output) => output[Group.LinearIndex] = (10 * Group.IdxY) + Group.IdxX;

    private struct Inner
    {
        public short First;
        public long Second;
    }

    private struct Mixed
    {
        public byte A;
        public double B;
        public short C;
        public Inner D;
        public bool E;
    }
}
