namespace Llama.Gpu.Jit.Runtime;

/// <summary>Kinds of accelerator; the first three under ILGPU's names and numbers.</summary>
public enum AcceleratorType
{
    /// <summary>The C# method itself, lane by lane: the oracle.</summary>
    CPU = 0,

    /// <summary>NVIDIA's driver.</summary>
    Cuda = 1,

    /// <summary>An OpenCL driver.</summary>
    OpenCL = 2,

    /// <summary>Vector instructions of the host's processor.</summary>
    Simd = 3,
}
