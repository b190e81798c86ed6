using System.Linq.Expressions;
using System.Reflection;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Runtime.Profiling;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// Makes the delegate that launches a compiled kernel: it flattens the arguments, checks the launch, and hands it to the
/// kernel. One for every accelerator that compiles.
/// </summary>
internal static class CompiledLauncher
{
    private const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Static;

    private static readonly MethodInfo LaunchMethod = typeof(CompiledLauncher).GetMethod(nameof(Launch), Hidden)!;
    private static readonly MethodInfo SetMapMethod = typeof(CompiledLauncher).GetMethod(nameof(SetMap), Hidden)!;
    private static readonly MethodInfo SetViewMethod = typeof(CompiledLauncher).GetMethod(nameof(SetView), Hidden)!;

    /// <summary>The launcher of a kernel.</summary>
    /// <param name="accelerator">Where it runs.</param>
    /// <param name="method">The kernel's method, whose parameters the launcher takes after stream and configuration.</param>
    /// <param name="delegateType">Type of the launcher, as <see cref="KernelSignature"/> has checked it.</param>
    /// <param name="kernel">The kernel, compiled.</param>
    public static Delegate Create(Accelerator accelerator, MethodInfo method, Type delegateType, CompiledKernel kernel)
    {
        IReadOnlyList<FlatArgument> layout = ArgumentLayout.Of(method);
        ParameterExpression stream = Expression.Parameter(typeof(AcceleratorStream), "stream");
        ParameterExpression config = Expression.Parameter(typeof(KernelConfig), "config");
        ParameterExpression[] own =
            [.. method.GetParameters().Select(parameter => Expression.Parameter(parameter.ParameterType, parameter.Name))];
        ParameterExpression arguments = Expression.Variable(typeof(LaunchArguments), "arguments");
        ParameterExpression values = Expression.Variable(typeof(long[]), "values");

        var body = new List<Expression>
        {
            Expression.Assign(arguments, Expression.New(typeof(LaunchArguments).GetConstructors()[0], Expression.Constant(layout.Count))),
            Expression.Assign(values, Expression.Property(arguments, nameof(LaunchArguments.Values))),
        };
        for (int i = 0; i < layout.Count; i++)
        {
            FlatArgument argument = layout[i];
            Expression source = argument.Path.Aggregate((Expression)own[argument.Parameter.Argument], Expression.Field);
            if (argument.Part == ArgumentPart.TensorMap)
            {
                body.Add(Expression.Call(
                    SetMapMethod.MakeGenericMethod(argument.Type.GetGenericArguments()), arguments, Expression.Constant(i), source));
            }
            else if (argument.Part == ArgumentPart.ViewAddress)
            {
                body.Add(Expression.Call(
                    SetViewMethod.MakeGenericMethod(argument.Type.GetGenericArguments()), arguments, Expression.Constant(i), source));
            }
            else
            {
                body.Add(Expression.Assign(Expression.ArrayAccess(values, Expression.Constant(i)), Bits(argument, source)));
            }
        }

        body.Add(Expression.Call(
            LaunchMethod,
            Expression.Constant(accelerator),
            Expression.Constant(kernel),
            Expression.Constant(ClusterSizeAttribute.Of(method)),
            stream,
            config,
            arguments));
        return Expression.Lambda(delegateType, Expression.Block([arguments, values], body), [stream, config, .. own]).Compile();
    }

    private static Expression Bits(FlatArgument argument, Expression source)
    {
        if (argument.Part == ArgumentPart.ViewLength)
        {
            return Expression.Property(source, nameof(ArrayView<byte>.Length));
        }

        if (source.Type == typeof(bool))
        {
            return Expression.Condition(source, Expression.Constant(1L), Expression.Constant(0L));
        }

        if (source.Type == typeof(float) || source.Type == typeof(double))
        {
            string name = source.Type == typeof(float) ? nameof(BitConverter.SingleToInt32Bits) : nameof(BitConverter.DoubleToInt64Bits);
            source = Expression.Call(typeof(BitConverter).GetMethod(name, [source.Type])!, source);
        }
        else if (source.Type.IsEnum)
        {
            source = Expression.Convert(source, source.Type.GetEnumUnderlyingType());
        }

        return Expression.Convert(source, typeof(long));
    }

    private static void SetView<T>(LaunchArguments arguments, int index, ArrayView<T> view)
        where T : unmanaged
    {
        arguments.Values[index] = view.Address;
        arguments.Buffers[index] = view.Source;
    }

    private static void SetMap<T>(LaunchArguments arguments, int index, TensorMap<T> map)
        where T : unmanaged
    {
        arguments.TensorMaps[index] = new(map.Matrix.Address, map.Rows, map.Columns, map.BoxRows, typeof(T) == typeof(BFloat16));
        arguments.Buffers[index] = map.Matrix.Source;
    }

    private static void Launch(
        Accelerator accelerator, CompiledKernel kernel, int clusterSize, AcceleratorStream stream, KernelConfig config, LaunchArguments arguments)
    {
        LaunchChecks.Check(accelerator, kernel.Name, stream, config);
        LaunchChecks.CheckClusters(kernel.Name, config, clusterSize);
        foreach (MemoryBuffer? buffer in arguments.Buffers)
        {
            LaunchChecks.CheckBuffer(accelerator, kernel.Name, buffer);
        }

        using var range = ProfilerRange.Begin(kernel.Name);
        kernel.Launch(stream, config, arguments);
    }
}
