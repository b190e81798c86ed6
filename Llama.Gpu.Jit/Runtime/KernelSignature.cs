using System.Reflection;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>What a method must look like to be launched as a kernel.</summary>
internal static class KernelSignature
{
    /// <summary>The name that errors give a kernel: <c>Type.Method</c>.</summary>
    public static string Name(MethodInfo method) => $"{method.DeclaringType?.Name}.{method.Name}";

    /// <exception cref="InvalidKernelOperationException">The method cannot be a kernel, or the delegate does not fit it.</exception>
    public static void Check(MethodInfo method, Type delegateType)
    {
        string name = Name(method);
        if (!method.IsStatic)
        {
            throw new InvalidKernelOperationException($"kernel {name} must be a static method, not a lambda or an instance method");
        }

        if (method.ReturnType != typeof(void))
        {
            throw new InvalidKernelOperationException($"kernel {name} must return void, not {method.ReturnType.Name}");
        }

        Type[] own = [.. method.GetParameters().Select(parameter => parameter.ParameterType)];
        foreach (Type type in own)
        {
            if (!type.IsValueType)
            {
                throw new InvalidKernelOperationException($"kernel {name} takes a {type.Name}; its parameters must be structs");
            }
        }

        Type[] expected = [typeof(AcceleratorStream), typeof(KernelConfig), .. own];
        Type[] found = [.. delegateType.GetMethod("Invoke")!.GetParameters().Select(parameter => parameter.ParameterType)];
        if (!expected.SequenceEqual(found))
        {
            static string Names(Type[] types) => string.Join(", ", types.Select(type => type.Name));
            throw new InvalidKernelOperationException($"kernel {name} needs a launcher of ({Names(expected)}), not of ({Names(found)})");
        }
    }
}
