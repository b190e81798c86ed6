using System.Reflection;
using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>What the parts of the frontend share while they build one kernel.</summary>
internal sealed class Compilation
{
    private readonly Dictionary<MethodBase, IlMethod> _methods = [];

    public Compilation(MethodInfo kernel, FrontendOptions options)
    {
        Kernel = KernelSignature.Name(kernel);
        ClusterSize = ClusterSizeAttribute.Of(kernel);
        Options = options;
        Ssa = new(type => Emit.Undefined(type));
        Memory = new(this);
    }

    /// <summary>Name for messages.</summary>
    public string Kernel { get; }

    /// <summary>Groups of a cluster; 1 where the kernel has none.</summary>
    public int ClusterSize { get; }

    public FrontendOptions Options { get; }

    public Emitter Emit { get; } = new();

    public SsaBuilder Ssa { get; }

    public MemoryAccess Memory { get; }

    /// <summary>Every block, in the order in which they were begun.</summary>
    public List<SsaBlock> Blocks { get; } = [];

    /// <summary>Variables that a reference is made to.</summary>
    public HashSet<Variable> Referenced { get; } = [];

    /// <summary>Goes on in a block that nothing has been put in.</summary>
    public void Begin(SsaBlock block)
    {
        Blocks.Add(block);
        Emit.Block = block;
    }

    public KernelCompilationException Error(JitError error, string name) => error.At(Kernel, Emit.Source, name);

    /// <exception cref="KernelCompilationException">Kernels cannot use the type.</exception>
    public TypeShape Shape(Type type) => TypeShape.Of(type)
        ?? throw (type.IsPointer ? Error(JitError.PointerArithmetic, type.Name) : Error(JitError.UnsupportedType, type.ToString()));

    /// <summary>The shape of a type that can be an element of a view.</summary>
    /// <exception cref="KernelCompilationException">The type cannot lie in memory.</exception>
    public TypeShape MemoryShape(Type type) =>
        Shape(type) is { IsStorable: true } shape ? shape : throw Error(JitError.UnsupportedType, $"{type} in memory");

    public IlMethod Il(MethodBase method)
    {
        if (!_methods.TryGetValue(method, out IlMethod? il))
        {
            MethodBody body = method.GetMethodBody() ?? throw Error(JitError.UnknownFunction, KernelName.Of(method));
            if (body.ExceptionHandlingClauses.Count > 0)
            {
                throw Error(JitError.TryBlock, KernelName.Of(method));
            }

            il = new(method, body);
            _methods.Add(method, il);
        }

        return il;
    }
}
