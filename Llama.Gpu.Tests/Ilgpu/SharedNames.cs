namespace Llama.Gpu.Jit.Runtime;

/// <summary>
/// The cases that are shared with the other build name this namespace, which has the runtime there. Here it is ILGPU's, from the
/// usings of this folder, and nothing is in it.
/// </summary>
internal static class SharedNames;
