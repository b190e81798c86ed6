// Element types are the kernels' own; most tests of checkpoints need no more of them.
global using TensorType = Llama.Gpu.Kernels.TensorType;
