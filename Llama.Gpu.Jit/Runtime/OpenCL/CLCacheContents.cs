using System.Text;
using Llama.Gpu.Jit.Backends.OpenCl;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A built kernel as bytes: what a launch needs to know of it, and the driver's binary. The text is left out.</summary>
internal static class CLCacheContents
{
    public static byte[] Encode(OpenClKernel code, byte[] binary)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(code.EntryPoint);
        writer.Write(code.UsesExchange);
        writer.Write(code.UsesDynamicShared);
        writer.Write(code.UsesDynamicBytes);
        writer.Write(code.StaticSharedBytes);
        writer.Write(binary.Length);
        writer.Write(binary);
        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>What <see cref="Encode"/> was given.</summary>
    public static (OpenClKernel Code, byte[] Binary) Decode(byte[] contents)
    {
        using var reader = new BinaryReader(new MemoryStream(contents), Encoding.UTF8);
        var code = new OpenClKernel(
            reader.ReadString(), string.Empty, reader.ReadBoolean(), reader.ReadBoolean(), reader.ReadBoolean(), reader.ReadInt32());
        return (code, reader.ReadBytes(reader.ReadInt32()));
    }
}
