using System.Text.RegularExpressions;

namespace Llama.Gpu.Jit.Backends.OpenCl;

/// <summary>Functions in OpenCL C that operations call; a program gets those that its text names.</summary>
internal static partial class OpenClHelpers
{
    private static readonly (string Name, string Text)[] Plain =
    [
        ("jit_min_float", FloatChoice("min", "float", "uint", "<", "|")),
        ("jit_max_float", FloatChoice("max", "float", "uint", ">", "&")),
        ("jit_min_double", FloatChoice("min", "double", "ulong", "<", "|")),
        ("jit_max_double", FloatChoice("max", "double", "ulong", ">", "&")),
        ("jit_half_to_float", """
            float jit_half_to_float(ushort bits)
            {
                return vload_half(0, (const __private half*)&bits);
            }
            """),
        ("jit_float_to_half", """
            ushort jit_float_to_half(float value)
            {
                ushort bits;
                vstore_half_rte(value, 0, (__private half*)&bits);
                return bits;
            }
            """),
        ("jit_float_to_bfloat16", """
            ushort jit_float_to_bfloat16(float value)
            {
                uint bits = as_uint(value);
                uint rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
                return (ushort)((bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits >> 16) | 0x40u : rounded);
            }
            """),
        ("jit_sub_group_source", """
            uint jit_sub_group_source(uint index)
            {
                return index < get_sub_group_size() ? index : get_sub_group_local_id();
            }
            """),
        ("jit_source", """
            uint jit_source(uint lane, uint lanes, uint warp, uint index)
            {
                uint source = (lane & ~(warp - 1u)) + index;
                return index < warp && source < lanes ? source : lane;
            }
            """),
    ];

    /// <summary>The functions that a text calls.</summary>
    public static IEnumerable<string> Called(string text)
    {
        var names = Names().Matches(text).Select(match => match.Value).ToHashSet();
        return Plain.Where(helper => names.Contains(helper.Name)).Select(helper => helper.Text);
    }

    /// <summary>
    /// A function that replaces the value behind a pointer by what <paramref name="update"/> makes of <c>old</c> and <c>value</c>,
    /// and gives the old one: for what OpenCL has no atomic function for.
    /// </summary>
    /// <param name="name">Name of the function.</param>
    /// <param name="space">Address space of the pointer.</param>
    /// <param name="type">f32 or f64 in OpenCL C.</param>
    /// <param name="bits">The unsigned integer of its width.</param>
    /// <param name="compareExchange">The atomic function for that integer.</param>
    /// <param name="update">The new value.</param>
    public static string AtomicLoop(string name, string space, string type, string bits, string compareExchange, string update) => $$"""
        {{type}} {{name}}(volatile {{space}} {{bits}}* target, {{type}} value)
        {
            {{bits}} found = *target;
            for (;;)
            {
                {{type}} old = as_{{type}}(found);
                {{bits}} before = {{compareExchange}}(target, found, as_{{bits}}({{update}}));
                if (before == found)
                {
                    return old;
                }

                found = before;
            }
        }
        """;

    // NaN if either is; of the two zeros, the smaller is the negative one
    private static string FloatChoice(string name, string type, string bits, string comparison, string zeros) => $$"""
        {{type}} jit_{{name}}_{{type}}({{type}} a, {{type}} b)
        {
            {{type}} choice = a {{comparison}} b ? a : b;
            choice = a == b ? as_{{type}}(as_{{bits}}(a) {{zeros}} as_{{bits}}(b)) : choice;
            return a != a ? a : choice;
        }
        """;

    [GeneratedRegex(@"\bjit_\w+")]
    private static partial Regex Names();
}
