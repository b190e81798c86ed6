using System.Reflection;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Makes IR of a kernel: reads its IL and that of all it calls, and builds every call into one function.</summary>
internal static class KernelFrontend
{
    [ThreadStatic]
    private static int _compilations;

    /// <summary>How many kernels this thread has compiled: for tests of what compiles none.</summary>
    internal static int CompilationsOfThisThread => _compilations;

    /// <exception cref="KernelCompilationException">The kernel uses something outside the dialect.</exception>
    public static IrFunction Compile(MethodInfo kernel, FrontendOptions options)
    {
        _compilations++;
        var function = new IrFunction(KernelName.Identifier(kernel))
        {
            GroupSize = kernel.GetCustomAttribute<GroupSizeAttribute>()?.Lanes,
            ClusterSize = ClusterSizeAttribute.Of(kernel),
        };
        IReadOnlyList<FlatArgument> arguments = ArgumentLayout.Of(kernel);
        function.Parameters.AddRange(arguments.Select(argument => argument.Parameter));

        var compilation = new Compilation(kernel, options);
        compilation.Begin(new SsaBlock());
        compilation.Emit.Source = SourceLines.Of(kernel).At(0) ?? default;
        var frame = new Frame(compilation, kernel, null);
        int next = 0;
        for (int i = 0; i < frame.Il.Arguments.Length; i++)
        {
            foreach (Variable variable in frame.Argument(i).Variables)
            {
                IrType type = function.Parameters[next].Type;
                IrValue passed = options.Constants.TryGetValue(next, out long bits)
                    ? compilation.Emit.Constant(type, bits)
                    : compilation.Emit.Parameter(next, type);
                bool widened = passed.Type != variable.Type && passed.Type.IsInteger;
                SsaBuilder.Write(
                    compilation.Emit.Block, variable, widened ? compilation.Emit.Resize(passed, variable.Type, variable.Signed) : passed);
                next++;
            }
        }

        if (new MethodTranslator(compilation, frame).Translate() is not null)
        {
            compilation.Emit.Block.Block.Terminator = new Return();
        }

        FunctionFinisher.Finish(compilation, function);
        return function;
    }
}
