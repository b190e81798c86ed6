// Element types are the kernels' own (TensorType): weights keep the checkpoint's type on the device.
global using Llama.Gpu.Kernels;
