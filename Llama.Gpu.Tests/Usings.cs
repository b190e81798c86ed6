// Element types are the kernels' own; many tests of checkpoints need no more of them.
global using Llama.Gpu.Kernels;
