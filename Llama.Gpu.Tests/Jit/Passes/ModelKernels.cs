using System.Reflection;
using Llama.Gpu.Jit;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Jit.Passes;

/// <summary>Every kernel of a model, generic ones for each element type and tile.</summary>
internal static class ModelKernels
{
    private static readonly (Type Stored, Type Element)[] ElementTypes =
    [
        (typeof(float), typeof(SingleElement)), (typeof(Llama.Gpu.Jit.Half), typeof(HalfElement)), (typeof(BFloat16), typeof(BFloat16Element)),
    ];

    public static IEnumerable<MethodInfo> All()
    {
        IEnumerable<MethodInfo> kernels = typeof(KernelSet).Assembly.GetTypes()
            .Select(type => type.GetMethod("Kernel", BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .OfType<MethodInfo>();
        foreach (MethodInfo kernel in kernels)
        {
            if (!kernel.IsGenericMethodDefinition)
            {
                yield return kernel;
                continue;
            }

            foreach ((Type stored, Type element) in ElementTypes)
            {
                Type[][] arguments = kernel.GetGenericArguments().Length == 2
                    ? [[stored, element]]
                    : [[stored, element, typeof(OneLaneTile)], [stored, element, typeof(SmallTile)], [stored, element, typeof(WideTile)]];
                foreach (Type[] types in arguments)
                {
                    yield return kernel.MakeGenericMethod(types);
                }
            }
        }
    }
}
