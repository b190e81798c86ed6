using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>From one register, or number, to another.</summary>
internal readonly record struct PtxMove(string To, string From, IrType Type);

/// <summary>Moves between registers.</summary>
internal sealed class PtxMoves(PtxRegisters registers, Action<string> write)
{
    /// <summary>One after the other, of 32 bits.</summary>
    public void Words(string[] to, string[] from)
    {
        foreach ((string target, string source) in to.Zip(from))
        {
            write($"mov.b32 {target}, {source};");
        }
    }

    /// <summary>All at once in meaning: a register is written when no move reads it any more; what is left is a ring, opened by a copy.</summary>
    public void AtOnce(List<PtxMove> moves)
    {
        while (moves.Count > 0)
        {
            int free = moves.FindIndex(move => moves.TrueForAll(other => other.From != move.To));
            if (free < 0)
            {
                string ring = moves[0].To;
                string copy = registers.New(moves[0].Type);
                write($"mov.{PtxRegisters.Bits(moves[0].Type)} {copy}, {ring};");
                moves = [.. moves.Select(move => move.From == ring ? move with { From = copy } : move)];
                free = 0;
            }

            write($"mov.{PtxRegisters.Bits(moves[free].Type)} {moves[free].To}, {moves[free].From};");
            moves.RemoveAt(free);
        }
    }
}
