// The one place that chooses the runtime the kernels are compiled against: dotnet build -p:KernelRuntime=ILGPU takes the package.
#if ILGPU
global using ILGPU;
global using ILGPU.Algorithms;
global using ILGPU.Runtime;
global using BFloat16 = Llama.Gpu.Jit.BFloat16;
global using StreamedMemory = Llama.Gpu.Jit.StreamedMemory;
global using Half = ILGPU.Half;
#else
global using Llama.Gpu.Jit;
global using Llama.Gpu.Jit.Runtime;
global using Half = Llama.Gpu.Jit.Half;
#endif
