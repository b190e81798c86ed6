using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Jit.Frontend;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Frontend;

/// <summary>How kernel arguments become parameters of the compiled kernel.</summary>
public sealed class ArgumentLayoutTests
{
    private enum Mode : ushort
    {
        None,
    }

    [Test]
    public void Arguments_are_taken_apart_in_the_order_of_declaration()
    {
        IReadOnlyList<FlatArgument> arguments = ArgumentLayout.Of(
            typeof(ArgumentLayoutTests).GetMethod(nameof(Kernel), BindingFlags.NonPublic | BindingFlags.Static)!);
        Assert.That(
            arguments.Select(argument =>
                $"{argument.Parameter.Argument} {argument.Parameter.Name}: {argument.Parameter.Type} {argument.Part} {argument.Path.Count}"),
            Is.EqualTo(new[]
            {
                "0 view: ptr.global ViewAddress 0",
                "0 view.Length: i64 ViewLength 0",
                "1 flag: i8 Value 0",
                "2 mode: i16 Value 0",
                "3 shape.Size.X: i32 Value 2",
                "3 shape.Size.Y: i32 Value 2",
                "3 shape.Data: ptr.global ViewAddress 1",
                "3 shape.Data.Length: i64 ViewLength 1",
                "3 shape.Scale: f64 Value 1",
                "4 brain.Bits: i16 Value 1",
                "5 special.Value: i32 Value 1",
            }));
    }

    [Test]
    public void Paths_lead_to_the_values_of_an_argument()
    {
        FlatArgument argument = ArgumentLayout.Of(
            typeof(ArgumentLayoutTests).GetMethod(nameof(Kernel), BindingFlags.NonPublic | BindingFlags.Static)!)[5];
        object? value = new Shape(new Index2D(3, 9), default, 0);
        foreach (FieldInfo field in argument.Path)
        {
            value = field.GetValue(value);
        }

        Assert.That(value, Is.EqualTo(9));
    }

    private static void Kernel(
        ArrayView<int> view, bool flag, Mode mode, Shape shape, BFloat16 brain, SpecializedValue<int> special) =>
        view[0] = flag ? (int)mode : shape.Size.X + (int)(float)brain + special;

    private readonly record struct Shape(Index2D Size, ArrayView<float> Data, double Scale);
}
