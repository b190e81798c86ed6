using Llama.Gpu.Jit.Runtime;
using NUnit.Framework;

namespace Llama.Gpu.Tests;

/// <summary>Tests compile every kernel themselves and leave the user's cache alone; those of the cache have folders of their own.</summary>
[SetUpFixture]
public sealed class NoUserCache
{
    [OneTimeSetUp]
    public void SwitchOff()
    {
        Environment.SetEnvironmentVariable(KernelCache.Variable, "off");
        Assert.That(KernelCache.Default, Is.Null);
    }
}
