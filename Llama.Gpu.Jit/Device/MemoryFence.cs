namespace Llama.Gpu.Jit;

/// <summary>
/// Orders a lane's own memory operations as others see them. On the <c>cpu</c> accelerator lanes take turns on one thread
/// of control, so a fence has nothing to do there.
/// </summary>
public static class MemoryFence
{
    /// <summary>For the lanes of this group.</summary>
    public static void GroupLevel() => Thread.MemoryBarrier();

    /// <summary>For every lane on the device.</summary>
    public static void DeviceLevel() => Thread.MemoryBarrier();

    /// <summary>For the host and other devices too.</summary>
    public static void SystemLevel() => Thread.MemoryBarrier();
}
