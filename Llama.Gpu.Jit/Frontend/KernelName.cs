using System.Reflection;
using System.Text;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>Names of methods.</summary>
internal static class KernelName
{
    /// <summary>For messages: <c>Type.Method</c>.</summary>
    public static string Of(MethodBase method) => $"{method.DeclaringType?.Name}.{method.Name}";

    /// <summary>An identifier in any target language that tells the instances of a generic kernel apart.</summary>
    public static string Identifier(MethodInfo kernel)
    {
        var name = new StringBuilder();
        Append(name, kernel.DeclaringType?.Name ?? string.Empty);
        Append(name.Append('_'), kernel.Name);
        foreach (Type argument in kernel.IsGenericMethod ? kernel.GetGenericArguments() : [])
        {
            Append(name.Append('_'), argument.Name);
        }

        return name.ToString();
    }

    private static void Append(StringBuilder name, string part)
    {
        foreach (char c in part)
        {
            name.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        }
    }
}
