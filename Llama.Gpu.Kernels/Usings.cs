// The one place that chooses the runtime the kernels are compiled against.
global using Llama.Gpu.Jit;
global using Llama.Gpu.Jit.Runtime;
global using Half = Llama.Gpu.Jit.Half;
