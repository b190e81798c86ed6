using System.Reflection;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Which part of a field a flattened argument is.</summary>
internal enum ArgumentPart
{
    /// <summary>The number itself: a scalar, a truth value as a byte, an enum as its integer.</summary>
    Value,

    /// <summary>The address of an <see cref="ArrayView{T}"/>'s first element.</summary>
    ViewAddress,

    /// <summary>The number of elements of an <see cref="ArrayView{T}"/>.</summary>
    ViewLength,

    /// <summary>The whole of a <see cref="TensorMap{T}"/>.</summary>
    TensorMap,
}

/// <summary>One flattened argument of a kernel.</summary>
/// <param name="Parameter">What the compiled kernel takes.</param>
/// <param name="Path">The fields that lead to it from the method's argument: to a number, or to an <see cref="ArrayView{T}"/>.</param>
/// <param name="Type">The C# type at the end of the path.</param>
/// <param name="Part">Which part of what the path leads to.</param>
/// <param name="IsSpecialized">Whether it is within a <see cref="SpecializedValue{T}"/>, so that code is made for its value.</param>
internal sealed record FlatArgument(
    IrParameter Parameter, IReadOnlyList<FieldInfo> Path, Type Type, ArgumentPart Part, bool IsSpecialized = false);

/// <summary>
/// How the arguments of a kernel become the parameters of its compiled form. A view is two: address (<c>ptr.global</c>), length
/// (<c>i64</c>); a struct is its fields in the order of their declaration, down to numbers; bool is <c>i8</c>, an enum its integer.
/// </summary>
internal static class ArgumentLayout
{
    /// <exception cref="KernelCompilationException">A parameter has a type that kernels cannot take.</exception>
    public static IReadOnlyList<FlatArgument> Of(MethodInfo kernel)
    {
        var arguments = new List<FlatArgument>();
        ParameterInfo[] parameters = kernel.GetParameters();
        for (int i = 0; i < parameters.Length; i++)
        {
            Add(arguments, kernel, i, parameters[i].Name ?? $"p{i}", [], parameters[i].ParameterType, isSpecialized: false);
        }

        return arguments;
    }

    private static void Add(
        List<FlatArgument> arguments, MethodInfo kernel, int index, string name, FieldInfo[] path, Type type, bool isSpecialized)
    {
        isSpecialized |= TypeMap.IsSpecialized(type);
        void Flat(string flatName, IrType irType, ArgumentPart part) =>
            arguments.Add(new(new IrParameter(flatName, irType, index), path, type, part, isSpecialized));

        if (TypeMap.Scalar(type) is { } scalar)
        {
            Flat(name, scalar, ArgumentPart.Value);
        }
        else if (TypeMap.IsView(type))
        {
            Flat(name, IrType.Pointer(AddressSpace.Global), ArgumentPart.ViewAddress);
            Flat($"{name}.Length", IrType.I64, ArgumentPart.ViewLength);
        }
        else if (TypeMap.IsTensorMap(type))
        {
            Flat(name, IrType.Pointer(AddressSpace.Parameter), ArgumentPart.TensorMap);
        }
        else if (type.IsValueType && !type.IsPrimitive && !type.IsByRefLike)
        {
            foreach (FieldInfo field in TypeMap.Fields(type))
            {
                Add(arguments, kernel, index, $"{name}.{FieldName(field)}", [.. path, field], field.FieldType, isSpecialized);
            }
        }
        else
        {
            throw JitError.UnsupportedType.At(KernelSignature.Name(kernel), default, $"{type.Name} of the parameter {name}");
        }
    }

    // the field behind a property is named after it: <HeadDim>k__BackingField
    private static string FieldName(FieldInfo field) =>
        field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name;
}
