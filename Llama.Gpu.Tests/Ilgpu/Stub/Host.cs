using System.Collections.Immutable;
using System.Reflection;
using ILGPU.Runtime;

namespace ILGPU
{
    public sealed class Context : IDisposable
    {
        public ImmutableArray<Device> Devices => throw Stub.NothingRuns;

        public static Context Create(Action<Builder> buildingCallback) => throw Stub.NothingRuns;

        public static Builder Create() => throw Stub.NothingRuns;

        public static Context CreateDefault() => throw Stub.NothingRuns;

        public void Dispose() => throw Stub.NothingRuns;

        public sealed class Builder
        {
            public Builder Default() => throw Stub.NothingRuns;

            public Context ToContext() => throw Stub.NothingRuns;
        }
    }
}

namespace ILGPU.Runtime
{
    public enum AcceleratorType
    {
        CPU,
        Cuda,
        OpenCL,
    }

    public abstract class Device
    {
        public AcceleratorType AcceleratorType => throw Stub.NothingRuns;

        public string Name => throw Stub.NothingRuns;

        public int WarpSize => throw Stub.NothingRuns;

        public abstract Accelerator CreateAccelerator(Context context);
    }

    public abstract class Accelerator : IDisposable
    {
        public AcceleratorType AcceleratorType => throw Stub.NothingRuns;

        public Context Context => throw Stub.NothingRuns;

        public Device Device => throw Stub.NothingRuns;

        public AcceleratorStream DefaultStream => throw Stub.NothingRuns;

        public string Name => throw Stub.NothingRuns;

        public long MemorySize => throw Stub.NothingRuns;

        public int MaxNumThreadsPerGroup => throw Stub.NothingRuns;

        public int MaxSharedMemoryPerGroup => throw Stub.NothingRuns;

        public int WarpSize => throw Stub.NothingRuns;

        public int NumMultiprocessors => throw Stub.NothingRuns;

        public MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(long length)
            where T : unmanaged => throw Stub.NothingRuns;

        public AcceleratorStream CreateStream() => throw Stub.NothingRuns;

        public void Synchronize() => throw Stub.NothingRuns;

        public TDelegate LoadKernel<TDelegate>(MethodInfo method)
            where TDelegate : Delegate => throw Stub.NothingRuns;

        public void Dispose() => throw Stub.NothingRuns;
    }

    public abstract class AcceleratorStream : IDisposable
    {
        public Accelerator Accelerator => throw Stub.NothingRuns;

        public abstract void Synchronize();

        public void Dispose() => throw Stub.NothingRuns;
    }

    public readonly struct SpecializedValue<T>
        where T : unmanaged, IEquatable<T>
    {
        public T Value => throw Stub.NothingRuns;

        public static implicit operator T(SpecializedValue<T> specialized) => throw Stub.NothingRuns;
    }

    public static class SpecializedValue
    {
        public static SpecializedValue<T> New<T>(T value)
            where T : unmanaged, IEquatable<T> => throw Stub.NothingRuns;
    }
}

namespace ILGPU.Runtime.CPU
{
    public enum CPUAcceleratorMode
    {
        Auto,
        Sequential,
        Parallel,
    }

    public sealed class CPUDevice : Device
    {
        public CPUDevice(int numThreadsPerWarp, int numWarpsPerMultiprocessor, int numMultiprocessors) => throw Stub.NothingRuns;

        public override Accelerator CreateAccelerator(Context context) => throw Stub.NothingRuns;
    }

    public abstract class CPUAccelerator : Accelerator;

    public static class CPUContextExtensions
    {
        public static Context.Builder CPU(this Context.Builder builder) => throw Stub.NothingRuns;

        public static Context.Builder CPU(this Context.Builder builder, CPUDevice device) => throw Stub.NothingRuns;

        public static CPUAccelerator CreateCPUAccelerator(this Context context, int cpuDeviceIndex) => throw Stub.NothingRuns;

        public static CPUAccelerator CreateCPUAccelerator(this Context context, int cpuDeviceIndex, CPUAcceleratorMode mode) =>
            throw Stub.NothingRuns;
    }
}
