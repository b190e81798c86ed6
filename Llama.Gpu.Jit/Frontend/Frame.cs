using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>One call of a method while it is built into the kernel: its variables and what its tokens mean.</summary>
internal sealed class Frame
{
    private readonly Dictionary<Variable, (bool Argument, int Index)> _owners = [];
    private readonly Dictionary<(int Depth, int Leaf, IrType Type), Variable> _waiting = [];
    private readonly Compilation _compilation;
    private readonly Place?[] _arguments;
    private readonly Place?[] _locals;
    private readonly Type[]? _typeArguments;
    private readonly Type[]? _methodArguments;

    public Frame(Compilation compilation, MethodBase method, Frame? caller)
    {
        _compilation = compilation;
        Method = method;
        Caller = caller;
        Il = compilation.Il(method);
        Lines = SourceLines.Of(method);
        _typeArguments = method.DeclaringType?.IsGenericType == true ? method.DeclaringType.GetGenericArguments() : null;
        _methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        _arguments = new Place[Il.Arguments.Length];
        _locals = new Place[Il.Locals.Length];
    }

    public MethodBase Method { get; }

    public Frame? Caller { get; }

    public IlMethod Il { get; }

    public SourceLines Lines { get; }

    public Place Argument(int index) => _arguments[index] ??= Create(Il.Arguments[index], (true, index));

    public Place Local(int index) => _locals[index] ??= Create(Il.Locals[index], (false, index));

    public MethodBase ResolveMethod(long token) => Method.Module.ResolveMethod((int)token, _typeArguments, _methodArguments)!;

    public FieldInfo ResolveField(long token) => Method.Module.ResolveField((int)token, _typeArguments, _methodArguments)!;

    public Type ResolveType(long token) => Method.Module.ResolveType((int)token, _typeArguments, _methodArguments);

    /// <summary>What holds a scalar of the evaluation stack from one block to the next.</summary>
    public Variable Waiting(int depth, int leaf, IrType type)
    {
        if (!_waiting.TryGetValue((depth, leaf, type), out Variable? variable))
        {
            variable = new(type, false, type);
            _waiting.Add((depth, leaf, type), variable);
        }

        return variable;
    }

    /// <summary>Whether a variable may change in a loop of this method.</summary>
    public bool MayChange(IlBlock head, Variable variable) =>
        _owners.TryGetValue(variable, out var own) ? head.Assigned.Contains(own) || Il.Referenced.Contains(own)
        : _compilation.Referenced.Contains(variable) || _waiting.ContainsValue(variable);

    // when it is first used: the error of a type that kernels cannot use then names the line
    private Place Create(Type type, (bool Argument, int Index) own)
    {
        TypeShape shape = _compilation.Shape(type);
        var place = new Place(shape, [.. shape.Leaves.Select(leaf => new Variable(leaf.Stack, leaf.Signed, leaf.Memory))]);
        foreach (Variable variable in place.Variables)
        {
            _owners.Add(variable, own);
        }

        if (Il.Referenced.Contains(own))
        {
            _compilation.Referenced.UnionWith(place.Variables);
        }

        return place;
    }
}
