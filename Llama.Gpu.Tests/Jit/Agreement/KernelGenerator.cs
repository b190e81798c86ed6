namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>
/// Makes a random kernel from a seed. Lanes write their own elements, or shared memory between barriers, and every loop ends, so
/// that the kernel has one meaning on every accelerator.
/// </summary>
internal sealed class KernelGenerator
{
    /// <summary>One of so many is long; most are short, since drivers take seconds for a long one.</summary>
    public const int LongEach = 6;

    private const int MaxDepth = 3;

    private static readonly Dictionary<NumberType, string[]> Variables = new()
    {
        [NumberType.Int] = ["a", "b"],
        [NumberType.UInt] = ["u"],
        [NumberType.Long] = ["l"],
        [NumberType.Float] = ["f", "g"],
    };

    private readonly Random _random;
    private readonly ExpressionGenerator _expressions;
    private readonly CooperationGenerator? _cooperation;
    private int _names;
    private int _budget;

    private KernelGenerator(int seed)
    {
        _random = new Random(seed);
        _expressions = new ExpressionGenerator(_random);
        UsesWarps = _random.Next(4) == 0;
        _cooperation = UsesWarps || _random.Next(2) == 0 ? new CooperationGenerator(_random, _expressions, UsesWarps) : null;

        // a warp that is not full has no lanes to shuffle with
        int[] lanes = UsesWarps ? [16, 32, 48, 64] : [1, 7, 16, 24, 33, 64];
        Lanes = lanes[_random.Next(lanes.Length)];
        _budget = seed % LongEach == 0 ? _random.Next(5, 14) : _random.Next(1, 4);
    }

    private bool UsesWarps { get; }

    private int Lanes { get; }

    public static RandomKernel Make(int seed)
    {
        var generator = new KernelGenerator(seed);
        return new RandomKernel(seed, generator.Lanes, generator.UsesWarps, generator.Body());
    }

    private List<Statement> Body()
    {
        var scope = new KernelScope(0, Uniform: true, LoopKind.None) { Variables = Variables };
        var body = new List<Statement>();
        while (_budget > 0)
        {
            body.Add(Next(ref scope));
        }

        if (_random.Next(3) == 0)
        {
            body.Add(Function(scope));
        }

        // some lanes are done before the others; no barrier follows
        if (_random.Next(5) == 0)
        {
            body.Add(Statement.Leaf($"intsOut[(i * 8) + 7] = {_expressions.Int(scope, 2)};"));
            body.Add(Statement.Around($"if ({_expressions.Condition(scope, 1)})", [Statement.Leaf("return;")]));
            _budget = 2;
            KernelScope tail = scope with { Uniform = false };
            while (_budget > 0)
            {
                body.Add(Next(ref tail));
            }
        }

        return body;
    }

    private Statement[] Statements(KernelScope scope)
    {
        int count = _random.Next(1, 4);
        var statements = new List<Statement>();
        for (int k = 0; k < count; k++)
        {
            statements.Add(Next(ref scope));
        }

        return [.. statements];
    }

    private Statement Next(ref KernelScope scope)
    {
        _budget--;
        if (scope.Uniform && _cooperation is not null && _random.Next(4) == 0)
        {
            return _cooperation.Next(scope);
        }

        if (scope.Loop != LoopKind.None && _random.Next(6) == 0 && Leave(scope) is { } leave)
        {
            return leave;
        }

        if (scope.Depth >= MaxDepth || _budget <= 0 || _random.Next(5) < 2)
        {
            return _random.Next(8) == 0 ? Declaration(ref scope) : Simple(scope);
        }

        return _random.Next(8) switch
        {
            0 or 1 or 2 => If(scope),
            3 => Switch(scope),
            _ => Loop(scope),
        };
    }

    private Statement Declaration(ref KernelScope scope)
    {
        NumberType type = Any();
        string name = $"v{_names++}";
        var statement = Statement.Leaf($"{type.ToString().ToLowerInvariant()} {name} = {_expressions.Of(type, scope, 2)};");
        scope = scope.With(type, name);
        return statement;
    }

    private Statement Simple(KernelScope scope)
    {
        string Int(int depth) => _expressions.Int(scope, depth);
        string x = _expressions.Pick(scope.Variables[NumberType.Int]);
        switch (_random.Next(16))
        {
            case 0: return Statement.Leaf($"{x} {_expressions.Pick(["+=", "-=", "*=", "^=", "&=", "|=", "<<=", ">>=", ">>>="])} {Int(3)};");
            case 1: return Statement.Leaf($"p.{_expressions.Pick([$"A = {Int(2)}", $"B = {_expressions.Float(scope, 2)}", $"Move({Int(2)})"])};");
            case 2:
                return Statement.Leaf($"p = {_expressions.Pick(["p.Turned()", $"new Pair({Int(2)}, {_expressions.Float(scope, 2)})", "p with { B = f }"])};");
            case 3: return Statement.Leaf($"own[{Int(1)} & 7] {_expressions.Pick(["=", "+=", "^="])} {Int(2)};");
            case 4:
                string target = _expressions.Pick([x, $"own[{Int(1)} & 7]", "p.A", $"intsOut[(i * 8) + {_random.Next(7)}]"]);
                return Statement.Leaf($"Bump(ref {target}, {Int(2)});");
            case 5: return Statement.Leaf($"Halves({_expressions.Long(scope, 2)}, out a, out b);");
            case 6:
                string r = $"r{_names++}";
                return Statement.Leaf(
                    "{", $"    ref int {r} = ref own[{Int(1)} & 7];", $"    {r} += {Int(1)};", $"    {x} ^= {r};", $"    {r} = {Int(1)};", "}");
            case 7:
                string choice = _expressions.Condition(scope, 1);
                return Statement.Leaf(
                    "{", "    Pair q = p;", $"    q.Move({Int(1)});", $"    {x} = q.A + p.Turned().A;", $"    p = {choice} ? q : p;", "}");
            case 8: return Statement.Leaf($"{x}{_expressions.Pick(["++", "--"])};");
            default:
                NumberType type = Any();
                return Statement.Leaf($"{_expressions.Pick(scope.Variables[type])} = {_expressions.Of(type, scope, _random.Next(2, 5))};");
        }
    }

    private Statement? Leave(KernelScope scope)
    {
        string jump = _random.Next(2) == 0 ? "break;" : "continue;";
        if (scope.Loop == LoopKind.Divergent)
        {
            return Statement.Around($"if ({_expressions.Condition(scope, 2)})", [Statement.Leaf(jump)]);
        }

        return scope.Uniform ? Statement.Around($"if ({_expressions.UniformCondition(scope)})", [Statement.Leaf(jump)]) : null;
    }

    private Statement If(KernelScope scope)
    {
        bool uniform = scope.Uniform && _random.Next(3) == 0;
        string condition = uniform ? _expressions.UniformCondition(scope) : _expressions.Condition(scope, 2);
        KernelScope inside = scope.Inside(uniform);
        var then = new Block([$"if ({condition})", "{"], Statements(inside), ["}"]);
        return _random.Next(2) == 0 ? new Statement(then) : new Statement(then, new Block(["else", "{"], Statements(inside), ["}"]));
    }

    private Statement Switch(KernelScope scope)
    {
        KernelScope inside = scope.Inside(uniform: false);
        var blocks = new List<Block> { new([$"switch ({_expressions.Int(scope, 2)} & 7)", "{"], [], []) };
        int value = _random.Next(2);
        for (int k = _random.Next(2, 5); k > 0; k--)
        {
            string[] labels = [.. Enumerable.Range(0, _random.Next(1, 3)).Select(_ => $"case {value++}:")];
            blocks.Add(new Block([.. labels, "{"], Statements(inside), ["    break;", "}"]));
            value += _random.Next(2) * 100;
        }

        blocks.Add(_random.Next(2) == 0 ? new Block(["default:", "{"], Statements(inside), ["    break;", "}", "}"]) : new Block([], [], ["}"]));
        return new Statement([.. blocks]);
    }

    private Statement Loop(KernelScope scope)
    {
        string counter = $"k{_names++}";
        bool uniform = scope.Uniform && _random.Next(3) > 0;
        KernelScope inside = scope.Inside(uniform) with
        {
            Loop = uniform ? LoopKind.Uniform : LoopKind.Divergent,
            Counters = [.. scope.Counters, counter],
        };
        if (uniform)
        {
            string bound = _random.Next(2) == 0 ? $"{_random.Next(1, 7)}" : $"({_expressions.UniformInt(scope, 2)} & 3)";
            inside = inside with { UniformInts = [.. scope.UniformInts, counter] };
            return Statement.Around($"for (int {counter} = 0; {counter} < {bound}; {counter}++)", Statements(inside));
        }

        string condition = _expressions.Condition(scope, 2);
        return _random.Next(6) switch
        {
            0 => Statement.Around($"for (int {counter} = {_random.Next(3, 9)}; {counter} > 0 && {condition}; {counter} -= 2)", Statements(inside)),
            1 => Statement.Around($"for (int {counter} = 0; {counter} < ({_expressions.Int(scope, 1)} & 7); {counter}++)", Statements(inside)),
            2 => new Statement(new Block([$"int {counter} = 5;", $"while ({counter}-- > 0 && {condition})", "{"], Statements(inside), ["}"])),
            3 => new Statement(new Block([$"int {counter} = 4;", "do", "{"], Statements(inside), ["}", $"while ({condition} && --{counter} > 0);"])),
            4 => Statement.Around($"for (int {counter} = 0; {counter} < {_random.Next(1, 7)}; {counter}++)", Statements(inside)),
            _ => Statement.Around($"for (int {counter} = lane & 3; {counter} < 6; {counter} += (i & 1) + 1)", Statements(inside)),
        };
    }

    // kept where nothing is computed of it: the accelerators' functions differ in the last bits
    private Statement Function(KernelScope scope)
    {
        string x = _expressions.Float(scope, 2);
        string value = _expressions.Pick(
        [
            $"MathF.Exp(Math.Clamp({x}, -40f, 40f))", $"XMath.Exp2(Math.Clamp({x}, -60f, 60f))", $"MathF.Log(MathF.Abs({x}) + 0.25f)",
            $"MathF.Log2(MathF.Abs({x}) + 0.25f)", $"MathF.Tanh({x})", $"XMath.Rsqrt(MathF.Abs({x}) + 1f)", $"MathF.Sin(Math.Clamp({x}, -20f, 20f))",
        ]);
        return Statement.Leaf($"floatsOut[(i * 4) + 3] = {value};");
    }

    private NumberType Any() => (NumberType)_random.Next(4);
}
