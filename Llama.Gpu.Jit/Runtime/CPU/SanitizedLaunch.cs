using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// Runs a launch under the <see cref="Sanitizer"/>. A collision is known only when a lane's turn is over, too late to see its
/// line; so the launch, which always takes the same course, is repeated on the same memory with an eye on that one element.
/// </summary>
internal static unsafe class SanitizedLaunch
{
    public static void Run(CPUAccelerator accelerator, string kernel, in KernelConfig config, Action lane, MemoryBuffer?[] buffers)
    {
        MemoryBuffer[] distinct = [.. buffers.OfType<MemoryBuffer>().Distinct()];
        byte*[] copies = new byte*[distinct.Length];
        try
        {
            for (int i = 0; i < distinct.Length; i++)
            {
                copies[i] = (byte*)NativeMemory.Alloc((nuint)distinct[i].LengthInBytes);
                Buffer.MemoryCopy((void*)distinct[i].NativePtr, copies[i], distinct[i].LengthInBytes, distinct[i].LengthInBytes);
            }

            SanitizerFinding? found = Run(accelerator, kernel, config, lane, new Sanitizer(accelerator, config, watched: null));
            if (found is null)
            {
                return;
            }

            for (int i = 0; i < distinct.Length; i++)
            {
                Buffer.MemoryCopy(copies[i], (void*)distinct[i].NativePtr, distinct[i].LengthInBytes, distinct[i].LengthInBytes);
            }

            var watching = new Sanitizer(accelerator, config, found);
            Run(accelerator, kernel, config, lane, watching);
            throw Describe(kernel, found, watching);
        }
        finally
        {
            foreach (byte* copy in copies)
            {
                NativeMemory.Free(copy);
            }
        }
    }

    private static SanitizerFinding? Run(CPUAccelerator accelerator, string kernel, in KernelConfig config, Action lane, Sanitizer sanitizer)
    {
        Sanitizer.Start();
        try
        {
            new GroupRun(accelerator, kernel, config, lane, sanitizer).Run();
            return null;
        }
        catch (SanitizerFinding finding)
        {
            return finding;
        }
        finally
        {
            sanitizer.Stop();
        }
    }

    private static KernelFaultException Describe(string kernel, SanitizerFinding found, Sanitizer watching)
    {
        string memory = found.Buffer.Scope == MemoryScope.Shared ? "shared" : "global";
        KernelLocation location = watching.Line.At(found.Turn.Group, found.Turn.Lane);
        if (found.Other is null)
        {
            return new KernelUninitializedReadException(
                kernel, location, $"a read of shared memory that nobody wrote, {found.Size} bytes at byte {found.Offset} of an allocation");
        }

        KernelLocation other = watching.OtherLine.At(found.Other.Group, found.Other.Lane);
        (string now, string before) = found.Fault switch
        {
            SanitizerFault.ReadAfterWrite => ("reads", "writes"),
            SanitizerFault.WriteAfterRead => ("writes", "reads"),
            _ => ("writes", "writes"),
        };
        return new KernelRaceException(
            kernel,
            location,
            other,
            $"a race on {memory} memory: this lane {now} {found.Size} bytes at byte {found.Offset} of a buffer that another ({other}) {before} with no barrier between");
    }
}
