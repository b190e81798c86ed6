using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>A call that becomes operations.</summary>
internal sealed class IntrinsicCall(Compilation compilation, MethodInfo method, StackValue[] arguments)
{
    private readonly ParameterInfo[] _parameters = method.GetParameters();

    public Compilation Compilation { get; } = compilation;

    public MethodInfo Method { get; } = method;

    public Emitter Emit => Compilation.Emit;

    /// <summary>The first type argument of the method.</summary>
    public Type TypeArgument => Method.GetGenericArguments()[0];

    /// <summary>The C# type of a parameter.</summary>
    public Type ParameterType(int index) => _parameters[index].ParameterType;

    /// <summary>An argument, as its parameter holds it.</summary>
    public StackValue Argument(int index) =>
        Compilation.Memory.Coerce(arguments[index + (Method.IsStatic ? 0 : 1)], Compilation.Shape(_parameters[index].ParameterType));

    /// <summary>An argument of one scalar.</summary>
    public IrValue Scalar(int index) => Argument(index).Scalar;

    /// <summary>An argument that is no value of a kernel: the handle of a type.</summary>
    public IrValue Handle(int index) => arguments[index].Scalar;

    /// <summary>An index, offset or extent as 64 bits.</summary>
    public IrValue Long(int index) => Emit.Resize(Scalar(index), IrType.I64, signed: true);

    /// <summary>The struct that an instance method is called on.</summary>
    public StackValue Instance() =>
        arguments[0].Type.IsByRef ? Compilation.Memory.Read(Method.DeclaringType!, arguments[0].Scalar) : arguments[0];

    /// <summary>A result of one scalar.</summary>
    public StackValue Result(IrValue value) => new(Method.ReturnType, [value]);

    /// <summary>A result of several scalars.</summary>
    public StackValue Result(params IrValue[] parts) => new(Method.ReturnType, parts);

    /// <summary>A result that is a truth value.</summary>
    public StackValue Truth(IrValue value) => Result(Emit.FromTruth(value));
}
