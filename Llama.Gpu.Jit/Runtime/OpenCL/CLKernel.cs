using System.Text;
using Llama.Gpu.Jit.Backends.OpenCl;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Runtime.OpenCL;

/// <summary>A kernel that the driver has built.</summary>
internal sealed unsafe class CLKernel : CompiledKernel, IDisposable
{
    private readonly CLAccelerator _accelerator;
    private readonly OpenClKernel _code;
    private readonly IrType[] _parameters;
    private readonly CLHandle _program;
    private readonly CLHandle _kernel;
    private readonly long _maxLanes;
    private readonly long _localBytes;

    // the driver keeps one set of arguments for each kernel
    private readonly Lock _arguments = new();

    /// <summary>Builds a kernel.</summary>
    /// <param name="accelerator">Where it runs.</param>
    /// <param name="name">The name that errors give it.</param>
    /// <param name="code">Its text and what it takes.</param>
    /// <param name="parameters">Types of the function's parameters.</param>
    /// <param name="options">How the driver builds it.</param>
    /// <param name="binary">What <see cref="Binary"/> gave for the same text, device and driver; the text is then not used.</param>
    /// <exception cref="CLException">The driver refuses the text or the binary.</exception>
    public CLKernel(CLAccelerator accelerator, string name, OpenClKernel code, IrType[] parameters, string options, byte[]? binary = null)
        : base(name)
    {
        _accelerator = accelerator;
        _code = code;
        _parameters = parameters;
        _program = binary is null ? CreateProgram(accelerator, code.Text) : CreateProgram(accelerator, binary);
        try
        {
            BuildProgram(options);
            CLError error;
            nint kernel = OpenClNative.clCreateKernel(_program.Value, code.EntryPoint, &error);
            CLException.ThrowIfFailed(error, nameof(OpenClNative.clCreateKernel), code.EntryPoint);
            _kernel = new CLHandle(kernel, OpenClNative.clReleaseKernel);
            _maxLanes = CLQuery.MaxLanes(kernel, accelerator.Device.Handle);
            _localBytes = Math.Max(code.StaticSharedBytes, CLQuery.LocalBytes(kernel, accelerator.Device.Handle));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The program as the driver has built it; null if it does not give it away.</summary>
    public byte[]? Binary => CLQuery.Binary(_program.Value);

    /// <inheritdoc/>
    public override void Launch(AcceleratorStream stream, in KernelConfig config, LaunchArguments arguments)
    {
        long lanes = (long)config.GroupDim.X * config.GroupDim.Y * config.GroupDim.Z;
        CheckLimits(config, lanes);
        nuint* global = stackalloc nuint[3]
        {
            (nuint)config.GridDim.X * (nuint)config.GroupDim.X,
            (nuint)config.GridDim.Y * (nuint)config.GroupDim.Y,
            (nuint)config.GridDim.Z * (nuint)config.GroupDim.Z,
        };
        nuint* local = stackalloc nuint[3] { (nuint)config.GroupDim.X, (nuint)config.GroupDim.Y, (nuint)config.GroupDim.Z };
        nint queue = ((CLStream)stream).CommandQueue;
        lock (_arguments)
        {
            SetArguments(arguments, lanes, config.SharedMemoryConfig.ArraySize);
            CLException.ThrowIfFailed(
                OpenClNative.clEnqueueNDRangeKernel(queue, _kernel.Value, 3, null, global, local, 0, null, null),
                nameof(OpenClNative.clEnqueueNDRangeKernel),
                $"kernel {Name}, grid {config.GridDim}, group {config.GroupDim}");
        }

        // a queue that nobody waits on may not begin by itself
        CLException.ThrowIfFailed(OpenClNative.clFlush(queue), nameof(OpenClNative.clFlush));
        GC.KeepAlive(arguments);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _kernel?.Dispose();
        _program.Dispose();
    }

    private static CLHandle CreateProgram(CLAccelerator accelerator, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* pointer = bytes)
        {
            byte* start = pointer;
            nuint length = (nuint)bytes.Length;
            CLError error;
            nint program = OpenClNative.clCreateProgramWithSource(accelerator.ContextHandle, 1, &start, &length, &error);
            CLException.ThrowIfFailed(error, nameof(OpenClNative.clCreateProgramWithSource));
            return new CLHandle(program, OpenClNative.clReleaseProgram);
        }
    }

    private static CLHandle CreateProgram(CLAccelerator accelerator, byte[] binary)
    {
        fixed (byte* pointer = binary)
        {
            nint device = accelerator.Device.Handle;
            byte* start = pointer;
            nuint length = (nuint)binary.Length;
            CLError state;
            CLError error;
            nint program = OpenClNative.clCreateProgramWithBinary(accelerator.ContextHandle, 1, &device, &length, &start, &state, &error);
            CLException.ThrowIfFailed(error, nameof(OpenClNative.clCreateProgramWithBinary));
            return new CLHandle(program, OpenClNative.clReleaseProgram);
        }
    }

    private void BuildProgram(string options)
    {
        nint device = _accelerator.Device.Handle;
        CLError error = OpenClNative.clBuildProgram(_program.Value, 1, &device, options, 0, 0);
        if (error != CLError.Success)
        {
            string log = CLQuery.BuildLog(_program.Value, device);
            throw new CLException(nameof(OpenClNative.clBuildProgram), error, $"kernel {Name} on {_accelerator.Name}\n{log}\n{_code.Text}");
        }

        JitDebug.Write(JitDebug.BuildLog, Name, "driver's log", () => CLQuery.BuildLog(_program.Value, _accelerator.Device.Handle));
    }

    private void CheckLimits(in KernelConfig config, long lanes)
    {
        long[] most = _accelerator.Device.MaxGroupDim;
        if (config.GroupDim.X > most[0] || config.GroupDim.Y > most[1] || config.GroupDim.Z > most[2] || lanes > _maxLanes)
        {
            throw new InvalidKernelOperationException(
                $"kernel {Name}: a group has at most {_maxLanes} lanes and {string.Join(" x ", most)} in its dimensions"
                + $" on {_accelerator.Name}, found {config.GroupDim}");
        }

        long exchange = _code.UsesExchange ? lanes * OpenClKernel.ExchangeBytesPerLane : 0;
        long bytes = _localBytes + config.SharedMemoryConfig.ArraySize + exchange;
        if (bytes > _accelerator.MaxSharedMemoryPerGroup)
        {
            throw new InvalidKernelOperationException(
                $"kernel {Name}: a group has at most {_accelerator.MaxSharedMemoryPerGroup} bytes of shared memory"
                + $" on {_accelerator.Name}, needed {bytes}");
        }
    }

    private void SetArguments(LaunchArguments arguments, long lanes, int dynamicBytes)
    {
        uint index = 0;
        for (int i = 0; i < _parameters.Length; i++)
        {
            long value = arguments.Values[i];
            if (_parameters[i].IsPointer)
            {
                var buffer = (CLMemoryBuffer?)arguments.Buffers[i];
                nint memory = buffer?.Memory ?? 0;
                long offset = buffer is null ? 0 : value - buffer.NativePtr;
                Set(index++, (nuint)sizeof(nint), &memory);
                Set(index++, sizeof(long), &offset);
            }
            else
            {
                // the lower bytes come first
                Set(index++, (nuint)_parameters[i].Bytes, &value);
            }
        }

        if (_code.UsesExchange)
        {
            Set(index++, (nuint)(lanes * OpenClKernel.ExchangeBytesPerLane), null);
        }

        if (_code.UsesDynamicShared)
        {
            Set(index++, (nuint)Math.Max(16, dynamicBytes), null);
        }

        if (_code.UsesDynamicBytes)
        {
            Set(index, sizeof(int), &dynamicBytes);
        }
    }

    private void Set(uint index, nuint size, void* value) => CLException.ThrowIfFailed(
        OpenClNative.clSetKernelArg(_kernel.Value, index, size, value),
        nameof(OpenClNative.clSetKernelArg),
        $"kernel {Name}, argument {index}");
}
