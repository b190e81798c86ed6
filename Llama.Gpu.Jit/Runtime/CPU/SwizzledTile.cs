namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// Rows of 128 bytes in shared memory as the tensor memory accelerator lays them: bits 4 to 6 of an address are exchanged with their
/// exclusive or with bits 7 to 9, which count the rows.
/// </summary>
internal static class SwizzledTile
{
    public const int RowBytes = 128;

    public const int PatternBytes = 1024;

    private const int ChunkBits = 0x70;

    public static nint Swizzle(nint address) => address ^ ((address >> 3) & ChunkBits);
}
