namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>Makes statements in which the lanes of a group work together. Each is complete: it begins and ends with nothing open.</summary>
internal sealed class CooperationGenerator(Random random, ExpressionGenerator expressions, bool warps)
{
    public Statement Next(KernelScope scope)
    {
        string x = expressions.Pick(scope.Variables[NumberType.Int]);
        string value = expressions.Int(scope, 2);
        string other = expressions.Int(scope, 1);
        string uniform = expressions.UniformInt(scope, 1);
        string real = expressions.Float(scope, 2);
        if (warps && random.Next(2) == 0)
        {
            return Warp(scope, x, value, other, uniform, real);
        }

        return random.Next(6) switch
        {
            0 => Statement.Leaf($"shared[lane] = {value};", "Group.Barrier();", $"{x} += shared[At({other}, Group.DimX)];", "Group.Barrier();"),
            1 => Statement.Leaf(
                $"sharedFloats[lane] = {real};", "Group.Barrier();", "f = sharedFloats[Group.DimX - 1 - lane];",
                $"g = {expressions.Condition(scope, 1)} ? sharedFloats[At({other}, Group.DimX)] : f;", "Group.Barrier();"),
            2 => Statement.Leaf($"{x} ^= Group.Broadcast({value}, At({uniform}, Group.DimX));"),
            3 => Statement.Leaf($"f = Group.Broadcast({real}, At({uniform}, Group.DimX)) + Group.Broadcast(l, 0);"),
            4 => Statement.Leaf(
                "shared[lane] = 0;", "Group.Barrier();", $"if ({expressions.Condition(scope, 2)})", "{",
                $"    Atomic.{expressions.Pick(["Add", "Max", "Xor", "Min"])}(ref shared[At({other}, Group.DimX)], {value});", "}", "Group.Barrier();",
                $"{x} = shared[lane] - shared[0];", "Group.Barrier();"),
            _ => Statement.Leaf(
                $"shared[lane] = {value};", "Group.Barrier();", "for (int step = 1; step < Group.DimX; step <<= 1)", "{",
                "    int left = lane >= step ? shared[lane - step] : 0;", "    Group.Barrier();", "    shared[lane] += left;", "    Group.Barrier();", "}",
                $"{x} = shared[lane];", "Group.Barrier();"),
        };
    }

    private Statement Warp(KernelScope scope, string x, string value, string other, string uniform, string real) => random.Next(5) switch
    {
        0 => Statement.Leaf($"{x} += Warp.Shuffle({value}, {other} & (Warp.WarpSize - 1));"),
        1 => Statement.Leaf($"f = Warp.ShuffleXor({real}, {uniform} & (Warp.WarpSize - 1));"),
        2 => Statement.Leaf(
            "for (int step = Warp.WarpSize >> 1; step > 0; step >>= 1)", "{", $"    {x} += Warp.ShuffleXor({x}, step);", "}",
            "b = Warp.LaneIdx + (Warp.WarpIdx * 100);"),
        3 => Statement.Leaf($"l ^= Warp.ShuffleDown({expressions.Long(scope, 2)}, 1);", $"{x} -= Warp.ShuffleUp({value}, 1);"),
        _ => Statement.Leaf($"p = Warp.Broadcast(p, {uniform} & (Warp.WarpSize - 1));", "u += Warp.Shuffle(u, (Warp.LaneIdx + 1) & (Warp.WarpSize - 1));"),
    };
}
