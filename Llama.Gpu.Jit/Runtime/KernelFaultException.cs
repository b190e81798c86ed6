namespace Llama.Gpu.Jit.Runtime;

/// <summary>Where in a launch something happened.</summary>
/// <param name="Group">Index of the group.</param>
/// <param name="Lane">Index of the lane in its group.</param>
/// <param name="File">C# file, if the debug information names one.</param>
/// <param name="Line">Line in that file, or 0.</param>
public sealed record KernelLocation(Index3D Group, Index3D Lane, string? File, int Line)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"group {Group}, lane {Lane}" + (File is null ? string.Empty : $", {Path.GetFileName(File)}:{Line}");
}

/// <summary>An error in a kernel, with its address. The launch was abandoned: what it wrote until then stays written.</summary>
public abstract class KernelFaultException : Exception
{
    private protected KernelFaultException(string kernel, KernelLocation location, string problem, Exception? inner = null)
        : base($"kernel {kernel}, {location}: {problem}", inner)
    {
        Kernel = kernel;
        Location = location;
    }

    /// <summary>The kernel, as <c>Type.Method</c>.</summary>
    public string Kernel { get; }

    /// <summary>The group, the lane and the C# line.</summary>
    public KernelLocation Location { get; }

    /// <summary>Index of the group.</summary>
    public Index3D Group => Location.Group;

    /// <summary>Index of the lane in its group.</summary>
    public Index3D Lane => Location.Lane;

    /// <summary>C# file, if the debug information names one.</summary>
    public string? File => Location.File;

    /// <summary>Line in that file, or 0.</summary>
    public int Line => Location.Line;
}

/// <summary>An index or a range outside a view.</summary>
public sealed class KernelIndexOutOfRangeException : KernelFaultException
{
    internal KernelIndexOutOfRangeException(string kernel, KernelLocation location, ViewRangeException inner)
        : base(kernel, location, inner.Message, inner)
    {
    }
}

/// <summary>Two lanes touched the same element within one barrier interval, and at least one of them wrote it.</summary>
public sealed class KernelRaceException : KernelFaultException
{
    internal KernelRaceException(string kernel, KernelLocation location, KernelLocation other, string problem)
        : base(kernel, location, problem) => Other = other;

    /// <summary>The lane that touched the element before.</summary>
    public KernelLocation Other { get; }
}

/// <summary>A barrier or a warp operation that some lanes wait at and others do not reach.</summary>
public sealed class KernelBarrierDivergenceException : KernelFaultException
{
    internal KernelBarrierDivergenceException(string kernel, KernelLocation location, string problem)
        : base(kernel, location, problem)
    {
    }
}

/// <summary>A read of shared memory that no lane of the group has written.</summary>
public sealed class KernelUninitializedReadException : KernelFaultException
{
    internal KernelUninitializedReadException(string kernel, KernelLocation location, string problem)
        : base(kernel, location, problem)
    {
    }
}

/// <summary>Any other exception that a lane threw; it is the inner exception.</summary>
public sealed class KernelFailedException : KernelFaultException
{
    internal KernelFailedException(string kernel, KernelLocation location, Exception inner)
        : base(kernel, location, $"{inner.GetType().Name}: {inner.Message}", inner)
    {
    }
}
