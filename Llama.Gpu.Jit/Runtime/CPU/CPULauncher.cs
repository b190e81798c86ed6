using System.Linq.Expressions;
using System.Reflection;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>Makes the delegate that launches a kernel: it binds the arguments to the C# method and finds the buffers behind their views.</summary>
internal static class CPULauncher
{
    private static readonly MethodInfo LaunchMethod =
        typeof(CPULauncher).GetMethod(nameof(Launch), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static Delegate Create(CPUAccelerator accelerator, MethodInfo kernel, Type delegateType)
    {
        ParameterExpression stream = Expression.Parameter(typeof(AcceleratorStream), "stream");
        ParameterExpression config = Expression.Parameter(typeof(KernelConfig), "config");
        ParameterExpression[] arguments = [.. kernel.GetParameters().Select(parameter => Expression.Parameter(parameter.ParameterType, parameter.Name))];

        // through a delegate, since the JIT would build a small kernel into its caller and its C# lines would be lost
        Delegate body = kernel.CreateDelegate(Expression.GetDelegateType([.. arguments.Select(argument => argument.Type), typeof(void)]));
        Expression lane = Expression.Lambda<Action>(Expression.Invoke(Expression.Constant(body), arguments));
        Expression buffers = Expression.NewArrayInit(typeof(MemoryBuffer), arguments.SelectMany(Sources));
        Expression launch = Expression.Call(
            LaunchMethod,
            Expression.Constant(accelerator),
            Expression.Constant(KernelSignature.Name(kernel)),
            Expression.Constant(ClusterSizeAttribute.Of(kernel)),
            stream,
            config,
            lane,
            buffers);
        return Expression.Lambda(delegateType, launch, [stream, config, .. arguments]).Compile();
    }

    private static void Launch(
        CPUAccelerator accelerator, string kernel, int clusterSize, AcceleratorStream stream, KernelConfig config, Action lane, MemoryBuffer?[] buffers)
    {
        LaunchChecks.CheckClusters(kernel, config, clusterSize);
        accelerator.Launch(kernel, stream, config, lane, buffers);
    }

    // the buffers behind an argument: its own if it is a view, those of its fields if it is a struct of views
    private static IEnumerable<Expression> Sources(Expression value)
    {
        if (value.Type.IsGenericType && value.Type.GetGenericTypeDefinition() == typeof(ArrayView<>))
        {
            return [Expression.Property(value, value.Type.GetProperty(nameof(ArrayView<byte>.Source), BindingFlags.NonPublic | BindingFlags.Instance)!)];
        }

        if (value.Type.IsPrimitive || value.Type.IsEnum)
        {
            return [];
        }

        return value.Type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance)
            .Where(field => field.FieldType.IsValueType)
            .SelectMany(field => Sources(Expression.Field(value, field)));
    }
}
