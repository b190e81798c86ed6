namespace Llama.Gpu.Measurement;

/// <summary>What a device can at most do, of the kind that limits a piece of work.</summary>
public enum Ceiling
{
    /// <summary>Reading memory as a stream, in bytes a second.</summary>
    Read,

    /// <summary>f32 multiply-add, in operations a second; a multiplication with an addition counts two.</summary>
    Arithmetic,
}
