namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>A statement of a random kernel: C# text with bodies of further statements, so that a part of it can be left out.</summary>
internal sealed record Statement(params Block[] Blocks)
{
    public static Statement Leaf(params string[] lines) => new(new Block(lines, [], []));

    public static Statement Around(string head, IReadOnlyList<Statement> body, string tail = "}") => new(new Block([head, "{"], body, [tail]));

    public IEnumerable<string> Lines() => Blocks.SelectMany(block => block.Lines());

    /// <summary>Every list of statements that is one step smaller: one statement left out, or replaced by what stands in it.</summary>
    public static IEnumerable<Statement[]> Smaller(IReadOnlyList<Statement> statements)
    {
        for (int i = 0; i < statements.Count; i++)
        {
            Statement[] before = [.. statements.Take(i)];
            Statement[] after = [.. statements.Skip(i + 1)];
            yield return [.. before, .. after];
            Statement[] inner = [.. statements[i].Blocks.SelectMany(block => block.Body)];
            if (inner.Length > 0)
            {
                yield return [.. before, .. inner, .. after];
            }

            foreach (Statement smaller in statements[i].SmallerInside())
            {
                yield return [.. before, smaller, .. after];
            }
        }
    }

    private IEnumerable<Statement> SmallerInside()
    {
        for (int i = 0; i < Blocks.Length; i++)
        {
            foreach (Statement[] body in Smaller(Blocks[i].Body))
            {
                Block[] blocks = [.. Blocks];
                blocks[i] = blocks[i] with { Body = body };
                yield return new Statement(blocks);
            }
        }
    }
}

/// <summary>Lines around a body of statements.</summary>
internal sealed record Block(string[] Open, IReadOnlyList<Statement> Body, string[] Close)
{
    public IEnumerable<string> Lines() => [.. Open, .. Body.SelectMany(statement => statement.Lines()).Select(line => "    " + line), .. Close];
}
