namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>
/// Makes random C# expressions without side effects. Divisors are made positive and small, indices masked or reduced to what they
/// index, and every operation is one that C# defines exactly.
/// </summary>
internal sealed class ExpressionGenerator(Random random)
{
    private static readonly string[] Ints =
        ["0", "1", "-1", "2", "3", "7", "16", "31", "32", "-8", "100", "255", "65535", "0x12345678", "int.MaxValue", "int.MinValue"];

    private static readonly string[] UInts = ["0u", "1u", "2u", "5u", "31u", "0xFFu", "0x7FFFFFFFu", "0x80000000u", "uint.MaxValue", "2654435769u"];

    private static readonly string[] Longs =
        ["0L", "1L", "-1L", "63L", "-7L", "1000000007L", "0x100000000L", "-0x123456789ABCL", "long.MaxValue", "long.MinValue"];

    private static readonly string[] Floats =
        ["0f", "1f", "-1f", "0.5f", "-1.25f", "0.1f", "3f", "100.75f", "-70000f", "3e9f", "1e-20f", "1e30f", "16777217f", "-0f"];

    /// <summary>An expression of a type.</summary>
    public string Of(NumberType type, KernelScope scope, int depth) => type switch
    {
        NumberType.Int => Int(scope, depth),
        NumberType.UInt => UInt(scope, depth),
        NumberType.Long => Long(scope, depth),
        _ => Float(scope, depth),
    };

    public string Int(KernelScope scope, int depth)
    {
        string X() => Int(scope, depth - 1);
        if (depth <= 0)
        {
            return random.Next(7) switch
            {
                0 => Pick(Ints),
                1 => Pick(["i", "lane", "n", "Group.DimX", "Grid.IdxX", "Group.LinearIndex"]),
                2 when scope.Counters.Length > 0 => Pick(scope.Counters),
                3 => $"own[{Pick(scope.Variables[NumberType.Int])} & 7]",
                4 => "p.A",
                _ => Pick(scope.Variables[NumberType.Int]),
            };
        }

        return random.Next(28) switch
        {
            0 or 1 or 2 => $"({X()} {Pick(["+", "-"])} {X()})",
            3 => $"({X()} * {X()})",
            4 or 5 => $"({X()} {Pick(["&", "|", "^"])} {X()})",
            6 or 7 => $"({X()} {Pick(["<<", ">>", ">>>"])} {X()})",
            8 or 9 => $"({X()} {Pick(["/", "%"])} (({X()} & 0xFF) | 1))",
            10 => $"({X()} {Pick(["/", "%"])} {Pick(["3", "-16", "8", "1000", "-7"])})",
            11 => $"({Pick(["-", "~"])}({X()}))",
            12 or 13 => $"({Condition(scope, depth - 1)} ? {X()} : {X()})",
            14 => $"Math.{Pick(["Min", "Max"])}({X()}, {X()})",
            15 => $"((int){UInt(scope, depth - 1)})",
            16 => $"((int){Long(scope, depth - 1)})",
            17 => $"((int){Float(scope, depth - 1)})",
            18 or 19 => $"(({Pick(["sbyte", "byte", "short", "ushort"])}){X()})",
            20 => $"ints[{X()} & 63]",
            21 => $"ints.Cast<{Pick(["short", "ushort"])}>()[{X()} & 127]",
            22 => $"ints.SubView(8, 32)[{X()} & 31]",
            23 => $"own[{X()} & 7]",
            24 => $"Mixed({X()}, {X()})",
            25 => Pick([$"IntrinsicMath.Abs({X()})", $"BitOperations.PopCount({UInt(scope, depth - 1)})", $"ints.Cast<sbyte>()[{X()} & 255]"]),
            26 => Pick([$"Bits({Float(scope, depth - 1)})", "p.Turned().A"]),
            _ => X(),
        };
    }

    public string UInt(KernelScope scope, int depth)
    {
        string X() => UInt(scope, depth - 1);
        if (depth <= 0)
        {
            return random.Next(4) switch
            {
                0 => Pick(UInts),
                1 => "(uint)i",
                _ => Pick(scope.Variables[NumberType.UInt]),
            };
        }

        return random.Next(16) switch
        {
            0 or 1 => $"({X()} {Pick(["+", "-", "*"])} {X()})",
            2 => $"({X()} {Pick(["&", "|", "^"])} {X()})",
            3 or 4 => $"({X()} {Pick(["<<", ">>", ">>>"])} {Int(scope, depth - 1)})",
            5 or 6 => $"({X()} {Pick(["/", "%"])} (({X()} & 0xFFFu) | 1u))",
            7 => $"({X()} {Pick(["/", "%"])} {Pick(["3u", "16u", "1000u", "0x80000001u"])})",
            8 => $"(~{X()})",
            9 => $"({Condition(scope, depth - 1)} ? {X()} : {X()})",
            10 => $"Math.{Pick(["Min", "Max"])}({X()}, {X()})",
            11 => $"((uint){Int(scope, depth - 1)})",
            12 => $"((uint){Long(scope, depth - 1)})",
            13 => $"((uint){Float(scope, depth - 1)})",
            14 => $"BitOperations.RotateLeft({X()}, {Int(scope, depth - 1)})",
            _ => $"ints.Cast<uint>()[{Int(scope, depth - 1)} & 63]",
        };
    }

    public string Long(KernelScope scope, int depth)
    {
        string X() => Long(scope, depth - 1);
        if (depth <= 0)
        {
            return random.Next(4) switch
            {
                0 => Pick(Longs),
                1 => "(long)i",
                _ => Pick(scope.Variables[NumberType.Long]),
            };
        }

        return random.Next(14) switch
        {
            0 or 1 => $"({X()} {Pick(["+", "-", "*"])} {X()})",
            2 => $"({X()} {Pick(["&", "|", "^"])} {X()})",
            3 or 4 => $"({X()} {Pick(["<<", ">>", ">>>"])} {Int(scope, depth - 1)})",
            5 => $"({X()} {Pick(["/", "%"])} (({X()} & 0xFFFFL) | 1L))",
            6 => $"({Pick(["-", "~"])}({X()}))",
            7 => $"({Condition(scope, depth - 1)} ? {X()} : {X()})",
            8 => $"Math.{Pick(["Min", "Max"])}({X()}, {X()})",
            9 or 10 => $"((long){Int(scope, depth - 1)})",
            11 => $"((long){UInt(scope, depth - 1)})",
            12 => $"((long){Float(scope, depth - 1)})",
            _ => $"((long)(ulong){Pick([Float(scope, depth - 1), Int(scope, depth - 1), X()])})",
        };
    }

    public string Float(KernelScope scope, int depth)
    {
        string X() => Float(scope, depth - 1);
        if (depth <= 0)
        {
            return random.Next(6) switch
            {
                0 => Pick(Floats),
                1 => "p.B",
                2 => "(float)i",
                _ => Pick(scope.Variables[NumberType.Float]),
            };
        }

        return random.Next(24) switch
        {
            0 or 1 or 2 or 3 => $"({X()} {Pick(["+", "-", "*"])} {X()})",
            4 => $"(({X()} * {X()}) + {X()})",
            5 or 6 => $"({X()} / {X()})",
            7 => $"({X()} % {X()})",
            8 => $"(-({X()}))",
            9 or 10 => $"({Condition(scope, depth - 1)} ? {X()} : {X()})",
            11 => $"MathF.{Pick(["Min", "Max"])}({X()}, {X()})",
            12 => $"MathF.{Pick(["Sqrt", "Floor", "Ceiling", "Truncate", "Round", "Abs"])}({X()})",
            13 => $"MathF.FusedMultiplyAdd({X()}, {X()}, {X()})",
            14 => $"((float){Int(scope, depth - 1)})",
            15 => $"((float){UInt(scope, depth - 1)})",
            16 => $"((float){Long(scope, depth - 1)})",
            17 => $"((float)((double){X()} {Pick(["+", "-", "*", "/"])} {X()}))",
            18 => $"((float)({Pick(["BFloat16", "Llama.Gpu.Jit.Half"])})({X()}))",
            19 => $"Interop.IntAsFloat({UInt(scope, depth - 1)})",
            20 => $"((float)floats.Cast<{Pick(["BFloat16", "Llama.Gpu.Jit.Half"])}>()[{Int(scope, depth - 1)} & 127])",
            21 => Pick(["Total(p)", "p.Turned().B"]),
            _ => $"floats[{Int(scope, depth - 1)} & 63]",
        };
    }

    public string Condition(KernelScope scope, int depth)
    {
        if (depth <= 0)
        {
            return Pick(
            [
                $"({Int(scope, 0)} {Compare()} {Int(scope, 0)})", $"({Float(scope, 0)} {Compare()} {Float(scope, 0)})",
                $"(({Int(scope, 0)} & {Pick(["1", "2", "3", "5"])}) == 0)", $"({UInt(scope, 0)} {Compare()} {UInt(scope, 0)})",
            ]);
        }

        return random.Next(9) switch
        {
            0 => $"({Condition(scope, depth - 1)} && {Condition(scope, depth - 1)})",
            1 => $"({Condition(scope, depth - 1)} || {Condition(scope, depth - 1)})",
            2 => $"({Condition(scope, depth - 1)} {Pick(["^", "&", "|", "==", "!="])} {Condition(scope, depth - 1)})",
            3 => $"(!{Condition(scope, depth - 1)})",
            4 => $"float.IsNaN({Float(scope, depth - 1)})",
            5 => $"({Long(scope, depth - 1)} {Compare()} {Long(scope, depth - 1)})",
            6 => $"({Float(scope, depth - 1)} {Compare()} {Float(scope, depth - 1)})",
            7 => $"({UInt(scope, depth - 1)} {Compare()} {UInt(scope, depth - 1)})",
            _ => $"({Int(scope, depth - 1)} {Compare()} {Int(scope, depth - 1)})",
        };
    }

    /// <summary>An int that is the same for every lane of the group.</summary>
    public string UniformInt(KernelScope scope, int depth)
    {
        if (depth <= 0)
        {
            return random.Next(3) == 0 ? Pick(["1", "2", "3", "5", "8"]) : Pick(scope.UniformInts);
        }

        return random.Next(4) switch
        {
            0 => $"ints[{UniformInt(scope, depth - 1)} & 63]",
            1 => $"({UniformInt(scope, depth - 1)} ^ {UniformInt(scope, depth - 1)})",
            _ => $"({UniformInt(scope, depth - 1)} {Pick(["+", "*", "-"])} {UniformInt(scope, depth - 1)})",
        };
    }

    public string UniformCondition(KernelScope scope) => $"(({UniformInt(scope, 1)} & {Pick(["1", "2", "3"])}) {Pick(["==", "!=", "<"])} 1)";

    public string Pick(IReadOnlyList<string> texts) => texts[random.Next(texts.Count)];

    private string Compare() => Pick(["<", "<=", ">", ">=", "==", "!="]);
}
