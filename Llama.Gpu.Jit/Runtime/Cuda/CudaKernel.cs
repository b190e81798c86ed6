using System.Text;
using Llama.Gpu.Jit.Backends.Ptx;

namespace Llama.Gpu.Jit.Runtime.Cuda;

/// <summary>A kernel that the driver has assembled and loaded.</summary>
internal sealed unsafe class CudaKernel : CompiledKernel, IDisposable
{
    private const int LogBytes = 16 * 1024;

    private readonly CudaAccelerator _accelerator;
    private readonly CudaHandle _module;
    private readonly nint _function;
    private readonly int _staticShared;
    private readonly int _maxLanes;
    private readonly Lock _asking = new();
    private int _dynamicShared;

    public CudaKernel(CudaAccelerator accelerator, string name, PtxKernel code)
        : base(name)
    {
        _accelerator = accelerator;
        using var scope = accelerator.Enter();
        _module = Load(code);
        try
        {
            nint function;
            CudaException.ThrowIfFailed(
                CudaNative.cuModuleGetFunction(&function, _module.Value, code.Name), nameof(CudaNative.cuModuleGetFunction), code.Name);
            _function = function;
            _staticShared = Get(CudaFunctionAttribute.SharedSizeBytes);
            _maxLanes = Get(CudaFunctionAttribute.MaxThreadsPerBlock);
        }
        catch
        {
            _module.Dispose();
            throw;
        }

        _dynamicShared = accelerator.Device.SharedMemoryWithoutAsking - _staticShared;
        JitDebug.Write(
            JitDebug.Timings,
            name,
            "takes",
            () => $"{Get(CudaFunctionAttribute.NumRegs)} registers, {Get(CudaFunctionAttribute.LocalSizeBytes)} bytes of local"
                + $" and {_staticShared} of shared memory");
    }

    /// <inheritdoc/>
    public override void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments)
    {
        CudaLimits.Check(Name, _accelerator.Device, config, _maxLanes, _staticShared);
        int dynamicShared = config.SharedMemoryConfig.ArraySize;
        using var scope = _accelerator.Enter();
        AskForShared(dynamicShared);
        int count = arguments.Values.Length;
        void** parameters = stackalloc void*[Math.Max(1, count)];
        byte* maps = stackalloc byte[CudaTensorMap.Room(arguments.TensorMaps)];
        fixed (long* values = arguments.Values)
        {
            // the driver copies each argument's own bytes, the lower ones of its slot
            for (int i = 0; i < count; i++)
            {
                parameters[i] = values + i;
            }

            CudaTensorMap.Encode(arguments.TensorMaps, maps, parameters);

            CudaError error = CudaNative.cuLaunchKernel(
                _function,
                (uint)config.GridDim.X,
                (uint)config.GridDim.Y,
                (uint)config.GridDim.Z,
                (uint)config.GroupDim.X,
                (uint)config.GroupDim.Y,
                (uint)config.GroupDim.Z,
                (uint)dynamicShared,
                ((CudaStream)stream).StreamPtr,
                parameters,
                null);
            if (error != CudaError.Success)
            {
                throw new CudaException(
                    nameof(CudaNative.cuLaunchKernel), error, $"kernel {Name}, grid {config.GridDim}, group {config.GroupDim}");
            }
        }

        GC.KeepAlive(arguments);
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();

    // more than the default must be asked for, once for the largest size
    private void AskForShared(int bytes)
    {
        lock (_asking)
        {
            if (bytes > _dynamicShared)
            {
                CudaException.ThrowIfFailed(
                    CudaNative.cuFuncSetAttribute(_function, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, bytes),
                    nameof(CudaNative.cuFuncSetAttribute),
                    $"kernel {Name}, {bytes} bytes of dynamic shared memory");
                _dynamicShared = bytes;
            }
        }
    }

    private CudaHandle Load(PtxKernel code)
    {
        byte[] image = [.. Encoding.UTF8.GetBytes(code.Text), 0];
        byte[] info = new byte[LogBytes];
        byte[] errors = new byte[LogBytes];
        fixed (byte* imageStart = image, infoStart = info, errorStart = errors)
        {
            CudaJitOption* options = stackalloc CudaJitOption[]
            {
                CudaJitOption.InfoLogBuffer, CudaJitOption.InfoLogBufferSizeBytes, CudaJitOption.ErrorLogBuffer,
                CudaJitOption.ErrorLogBufferSizeBytes, CudaJitOption.LogVerbose, CudaJitOption.GenerateLineInfo,
            };

            // an option that is a number stands in the pointer itself
            void** values = stackalloc void*[] { infoStart, (void*)LogBytes, errorStart, (void*)LogBytes, (void*)1, (void*)1 };
            nint module;
            CudaError error = CudaNative.cuModuleLoadDataEx(&module, imageStart, 6, options, values);
            if (error != CudaError.Success)
            {
                throw new CudaException(
                    nameof(CudaNative.cuModuleLoadDataEx),
                    error,
                    $"kernel {Name} for {_accelerator.Target} on {_accelerator.Name}\n{Text(errors)}\n{code.Text}");
            }

            JitDebug.Write(JitDebug.BuildLog, Name, "driver's log", () => Text(info));
            return new CudaHandle(_accelerator.DriverContext, module, CudaNative.cuModuleUnload);
        }
    }

    private int Get(CudaFunctionAttribute attribute)
    {
        int value;
        CudaException.ThrowIfFailed(
            CudaNative.cuFuncGetAttribute(&value, attribute, _function), nameof(CudaNative.cuFuncGetAttribute), attribute.ToString());
        return value;
    }

    private static string Text(byte[] log)
    {
        int end = Array.IndexOf(log, (byte)0);
        return Encoding.UTF8.GetString(log, 0, end < 0 ? log.Length : end);
    }
}
