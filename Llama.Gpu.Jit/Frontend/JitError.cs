namespace Llama.Gpu.Jit.Frontend;

/// <summary>The errors of the frontend: what is outside the kernel dialect, and what to write instead.</summary>
/// <param name="Number">Stays with its error for good.</param>
/// <param name="What">Says what was found; <c>{0}</c> is its name.</param>
/// <param name="Instead">What to write instead.</param>
internal sealed record JitError(string Number, string What, string Instead)
{
    public static readonly JitError UnsupportedType = new(
        "JIT0001", "the type {0} cannot be used in a kernel", "use numbers, enums, ArrayView<T>, and structs of them");

    public KernelCompilationException At(string kernel, Ir.SourcePoint source, string name) =>
        new(Number, kernel, source.File, source.Line, string.Format(System.Globalization.CultureInfo.InvariantCulture, What, name), Instead);
}
