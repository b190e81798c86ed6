namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>Unwinds a suspended lane of a group that has failed. Its stack trace shows where the lane waited.</summary>
internal sealed class LaneAbandonedException : Exception;
