using System.Globalization;

namespace Llama.Gpu.Tests.Infrastructure;

/// <summary>Numbers that an environment variable may change for a run.</summary>
internal static class TestSetting
{
    /// <summary>What the variable says, or the usual number.</summary>
    public static int Of(string variable, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : usual;
}
