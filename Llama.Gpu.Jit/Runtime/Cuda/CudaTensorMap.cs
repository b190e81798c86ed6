namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>Tensor maps as the hardware reads them (<c>CUtensorMap</c>): 128 bytes that the driver encodes on the host, for each launch.</summary>
internal static unsafe class CudaTensorMap
{
    private const int Bytes = 128;
    private const int Alignment = 64;

    /// <summary>Bytes that the maps of a launch take, wherever they begin.</summary>
    public static int Room(TensorMapFields?[] maps)
    {
        int count = maps.Count(map => map is not null);
        return count == 0 ? 0 : (count * Bytes) + Alignment;
    }

    /// <summary>Encodes the maps of a launch and makes its parameters point to them.</summary>
    /// <param name="maps">By parameter.</param>
    /// <param name="memory">As many bytes as <see cref="Room"/> says, which stay until the launch is queued.</param>
    /// <param name="parameters">What the driver is given.</param>
    /// <exception cref="CudaException">The driver refuses a map.</exception>
    public static void Encode(TensorMapFields?[] maps, byte* memory, void** parameters)
    {
        byte* next = (byte*)(((nint)memory + Alignment - 1) & -Alignment);
        for (int i = 0; i < maps.Length; i++)
        {
            if (maps[i] is { } map)
            {
                Encode(map, next);
                parameters[i] = next;
                next += Bytes;
            }
        }
    }

    // the innermost dimension first
    private static void Encode(TensorMapFields map, byte* target)
    {
        ulong* extents = stackalloc ulong[] { (ulong)map.Columns, (ulong)map.Rows };
        ulong* strides = stackalloc ulong[] { (ulong)map.Columns * sizeof(ushort) };
        uint* box = stackalloc uint[] { TensorMap<Half>.BoxColumns, (uint)map.BoxRows };
        uint* steps = stackalloc uint[] { 1, 1 };
        CudaError error = CudaNative.cuTensorMapEncodeTiled(
            target,
            map.IsBFloat16 ? CudaTensorMapType.BFloat16 : CudaTensorMapType.Float16,
            2,
            (void*)map.Address,
            extents,
            strides,
            box,
            steps,
            interleave: 0,
            CudaTensorMapSwizzle.Bytes128,
            CudaTensorMapPromotion.Bytes256,
            fill: 0);
        if (error != CudaError.Success)
        {
            throw new CudaException(
                nameof(CudaNative.cuTensorMapEncodeTiled), error, $"a matrix of {map.Rows} x {map.Columns}, boxes of {map.BoxRows} rows");
        }
    }
}
