using System.Text;
using Llama.Gpu.Jit.Backends.Ptx;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>A kernel's PTX as bytes, with what is known of it.</summary>
internal static class CudaCacheContents
{
    public static byte[] Encode(PtxKernel code)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(code.Name);
        writer.Write(code.Text);
        writer.Write(code.StaticSharedBytes);
        writer.Write(code.LocalBytes);
        writer.Write(code.UsesDynamicShared);
        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>What <see cref="Encode"/> was given.</summary>
    public static PtxKernel Decode(byte[] contents)
    {
        using var reader = new BinaryReader(new MemoryStream(contents), Encoding.UTF8);
        return new(reader.ReadString(), reader.ReadString(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean());
    }
}
