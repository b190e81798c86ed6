namespace Llama.Gpu.Jit;

/// <summary>
/// Says of a kernel how many lanes its groups have, so that code can be made for that many: registers are shared out among them. A launch
/// with more is refused by the driver.
/// </summary>
/// <param name="lanes">The most lanes of a group.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GroupSizeAttribute(int lanes) : Attribute
{
    /// <summary>The most lanes of a group.</summary>
    public int Lanes => lanes;
}
