using System.Globalization;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>What PTX is written for: an architecture and what it offers, as plain fields.</summary>
/// <param name="Architecture">Compute capability as a number: 80 for 8.0.</param>
/// <param name="IsExact">Whether the code runs on this architecture alone (<c>sm_90a</c>), which unlocks its own instructions.</param>
public sealed record PtxTarget(int Architecture, bool IsExact = false)
{
    private const int Oldest = 70;

    /// <summary>Architectures that a name may give: the first PTX version that knows each, as major * 10 + minor.</summary>
    private static readonly Dictionary<string, int> Versions = new()
    {
        ["sm_70"] = 70, ["sm_72"] = 70, ["sm_75"] = 70, ["sm_80"] = 70, ["sm_86"] = 71, ["sm_87"] = 74,
        ["sm_89"] = 78, ["sm_90"] = 78, ["sm_90a"] = 80,
    };

    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyCollection<string> Names => Versions.Keys;

    /// <summary>The name that <c>.target</c> and the assembler know it by.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"sm_{Architecture}{(IsExact ? "a" : string.Empty)}");

    /// <summary>The PTX version that <c>.version</c> names: the oldest that knows the target, so that old drivers take the code too.</summary>
    public string Version => string.Create(CultureInfo.InvariantCulture, $"{Versions[Name] / 10}.{Versions[Name] % 10}");

    /// <summary>Whether f32 is rounded to bf16 by an instruction.</summary>
    public bool RoundsToBFloat16 => Architecture >= 80;

    /// <summary>Whether minimum and maximum of f32 hand on NaN by themselves.</summary>
    public bool MinMaxHandOnNaN => Architecture >= 80;

    /// <summary>Whether it has <c>mma.m16n8k16</c> of f16 and bf16, and with it <c>ldmatrix</c>.</summary>
    public bool HasTensorCores => Architecture >= 80;

    /// <summary>Whether it copies from global to shared memory asynchronously.</summary>
    public bool CopiesAsynchronously => Architecture >= 80;

    /// <summary>Whether it has <c>wgmma</c>, <c>mbarrier</c> with bytes, and the tensor memory accelerator.</summary>
    public bool HasWarpGroups => Architecture == 90 && IsExact;

    /// <summary>The target of a name such as <c>sm_80</c>.</summary>
    /// <exception cref="ArgumentException">No such target; the message lists those that there are.</exception>
    public static PtxTarget Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!Versions.ContainsKey(name))
        {
            throw new ArgumentException($"expected one of {string.Join(", ", Versions.Keys)}, found '{name}'", nameof(name));
        }

        bool exact = name.EndsWith('a');
        return new(int.Parse(exact ? name[3..^1] : name[3..], CultureInfo.InvariantCulture), exact);
    }

    /// <summary>
    /// The best target for a device; a device newer than every target takes the newest, since PTX is carried forward.
    /// </summary>
    /// <param name="major">The device's compute capability.</param>
    /// <param name="minor">The device's compute capability.</param>
    /// <param name="driverVersion">The version of CUDA that the driver offers, as major * 1000 + minor * 10: it limits the PTX version.</param>
    /// <exception cref="NotSupportedException">The device is older than 7.0, or the driver than 11.0.</exception>
    public static PtxTarget For(int major, int minor, int driverVersion = int.MaxValue)
    {
        int architecture = (major * 10) + minor;
        if (architecture < Oldest)
        {
            throw new NotSupportedException($"compute capability {major}.{minor} is older than 7.0");
        }

        // CUDA 11.4 brought PTX 7.4, 12.0 PTX 8.0
        int newestVersion = (((driverVersion / 1000) - 4) * 10) + (driverVersion % 1000 / 10);
        return Versions.Where(known => known.Value <= newestVersion)
            .Select(known => Parse(known.Key))
            .Where(target => target.IsExact ? target.Architecture == architecture : target.Architecture <= architecture)
            .OrderByDescending(target => (target.Architecture, target.IsExact))
            .FirstOrDefault()
            ?? throw new NotSupportedException($"the driver offers CUDA {driverVersion / 1000}.{driverVersion % 1000 / 10}, which is older than 11.0");
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>How PTX is written.</summary>
/// <param name="Target">What it is written for.</param>
/// <param name="MaxGroupSize">The most lanes that a group will have, where that is known: the assembler may then use more registers.</param>
/// <param name="Lines">Whether C# lines are named, for profilers.</param>
public sealed record PtxOptions(PtxTarget Target, int? MaxGroupSize = null, bool Lines = true);

/// <summary>A kernel as PTX.</summary>
/// <param name="Name">Its entry.</param>
/// <param name="Text">The module, with this one kernel.</param>
/// <param name="StaticSharedBytes">Shared memory of fixed size.</param>
/// <param name="LocalBytes">Memory of a lane that did not become registers: a stack frame, and slow.</param>
/// <param name="UsesDynamicShared">Whether it uses the dynamic shared memory of the launch.</param>
public sealed record PtxKernel(string Name, string Text, int StaticSharedBytes, int LocalBytes, bool UsesDynamicShared);
