using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Calls: finds out which method is meant, and makes it an operation by <see cref="IntrinsicTable"/> or builds it in.</summary>
internal sealed class CallTranslator(Compilation compilation, Frame frame)
{
    private const int MaxDepth = 64;

    /// <summary>The value of a call, without parts for void; null if it never returns.</summary>
    public StackValue? Call(MethodBase method, StackValue[] arguments, Type? constrained)
    {
        MethodBase target = constrained is null ? method : Constrained(method, constrained);
        Type owner = target.DeclaringType!;
        if (typeof(Delegate).IsAssignableFrom(owner))
        {
            throw compilation.Error(JitError.Delegate, KernelName.Of(target));
        }

        if (IntrinsicTable.Find(target) is { } intrinsic)
        {
            return intrinsic(new(compilation, (MethodInfo)target, arguments));
        }

        bool onObject = !target.IsStatic && !owner.IsValueType;
        bool givesObject = target is MethodInfo { ReturnType: { IsValueType: false, IsByRef: false } };
        if (onObject || givesObject || target.IsAbstract)
        {
            throw compilation.Error(JitError.Object, KernelName.Of(target));
        }

        return BuildIn(target, arguments);
    }

    private StackValue? BuildIn(MethodBase method, StackValue[] arguments)
    {
        int depth = 0;
        for (Frame? caller = frame; caller is not null; caller = caller.Caller)
        {
            if (caller.Method == method || ++depth > MaxDepth)
            {
                throw compilation.Error(JitError.Recursion, KernelName.Of(method));
            }
        }

        SourcePoint source = compilation.Emit.Source;
        var callee = new Frame(compilation, method, frame);
        for (int i = 0; i < arguments.Length; i++)
        {
            compilation.Memory.Write(callee.Il.Arguments[i], callee.Argument(i), arguments[i]);
        }

        StackValue? result = new MethodTranslator(compilation, callee).Translate();
        compilation.Emit.Source = source;
        return result;
    }

    // what a call on a type parameter means for the type that it stands for
    private MethodInfo Constrained(MethodBase method, Type type)
    {
        if (!type.IsValueType)
        {
            throw compilation.Error(JitError.UnsupportedType, type.ToString());
        }

        if (!method.DeclaringType!.IsInterface)
        {
            // Equals, GetHashCode, ToString: the struct's own, or else they need an object
            Type[] parameters = [.. method.GetParameters().Select(parameter => parameter.ParameterType)];
            MethodInfo? own = type.GetMethod(method.Name, parameters);
            return own?.DeclaringType == type ? own : throw compilation.Error(JitError.Boxing, type.Name);
        }

        InterfaceMapping map = type.GetInterfaceMap(method.DeclaringType);
        MethodBase sought = method.IsGenericMethod ? ((MethodInfo)method).GetGenericMethodDefinition() : method;
        MethodInfo found = map.TargetMethods[Array.IndexOf(map.InterfaceMethods, (MethodInfo)sought)];
        return method.IsGenericMethod ? found.MakeGenericMethod(method.GetGenericArguments()) : found;
    }
}
