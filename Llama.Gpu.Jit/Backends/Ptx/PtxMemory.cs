using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Loads and stores: cut into pieces of at most 16 bytes that are aligned, each a scalar or a vector instruction.</summary>
internal sealed class PtxMemory(PtxRegisters registers, Action<string> write)
{
    private const int Widest = 16;

    /// <summary>Reads into registers, one for each scalar.</summary>
    public void Load(IrType pointer, string address, IrType type, long alignment, string[] results, bool isStreamed = false)
    {
        string space = PtxInstructions.Space(pointer);

        // by the path that needs no coherence, and first to leave the caches
        if (isStreamed && pointer.Space == AddressSpace.Global)
        {
            space += ".cs.nc";
        }

        if (type.Kind == IrKind.I1)
        {
            string loaded = registers.New(IrType.I8);
            write($"ld.{space}.u8 {loaded}, [{address}];");
            write($"setp.ne.s16 {results[0]}, {loaded}, 0;");
            return;
        }

        int piece = Piece(type, alignment);
        int inPiece = piece / (type.ScalarBits / 8);
        for (int first = 0; first < type.Width; first += inPiece)
        {
            string at = At(address, first * type.ScalarBits / 8);
            string[] part = results[first..(first + inPiece)];
            if (InWords(type, piece))
            {
                string[] words = [.. Enumerable.Range(0, piece / 4).Select(_ => registers.New(IrType.I32))];
                write($"ld.{space}{Vector(words.Length)}.b32 {List(words)}, [{at}];");
                for (int i = 0; i < words.Length; i++)
                {
                    write($"mov.b32 {{{part[2 * i]}, {part[(2 * i) + 1]}}}, {words[i]};");
                }
            }
            else
            {
                write($"ld.{space}{Vector(inPiece)}.{Suffix(type)} {List(part)}, [{at}];");
            }
        }
    }

    /// <summary>Writes scalars side by side.</summary>
    /// <param name="pointer">Type of the address.</param>
    /// <param name="address">Where.</param>
    /// <param name="type">Of the scalars together.</param>
    /// <param name="alignment">What the address is a multiple of.</param>
    /// <param name="values">The scalars.</param>
    /// <param name="pair">Brings two neighbours of 16 bits, named by the index of the first, into a word by itself, or gives false.</param>
    public void Store(IrType pointer, string address, IrType type, long alignment, string[] values, Func<int, string, bool>? pair = null)
    {
        if (type.Kind == IrKind.I1)
        {
            string stored = registers.New(IrType.I8);
            write($"selp.b16 {stored}, 1, 0, {values[0]};");
            write($"st.{PtxInstructions.Space(pointer)}.u8 [{address}], {stored};");
            return;
        }

        int piece = Piece(type, alignment);
        int inPiece = piece / (type.ScalarBits / 8);
        for (int first = 0; first < type.Width; first += inPiece)
        {
            string at = At(address, first * type.ScalarBits / 8);
            string[] part = values[first..(first + inPiece)];
            string suffix = Suffix(type);
            if (InWords(type, piece))
            {
                string[] words = [.. Enumerable.Range(0, piece / 4).Select(_ => registers.New(IrType.I32))];
                for (int i = 0; i < words.Length; i++)
                {
                    if (pair?.Invoke(first + (2 * i), words[i]) != true)
                    {
                        write($"mov.b32 {words[i]}, {{{part[2 * i]}, {part[(2 * i) + 1]}}};");
                    }
                }

                part = words;
                suffix = "b32";
            }

            write($"st.{PtxInstructions.Space(pointer)}{Vector(part.Length)}.{suffix} [{at}], {List(part)};");
        }
    }

    /// <summary>Bytes of one access: what the alignment allows, the hardware has, and four scalars of 8 bits fill.</summary>
    private static int Piece(IrType type, long alignment)
    {
        int scalar = type.ScalarBits / 8;
        if (alignment < scalar)
        {
            throw new IrException($"PTX cannot read or write a {type.Scalar} aligned to {alignment} bytes");
        }

        int widest = scalar == 1 ? 4 : Widest;
        return (int)Math.Min(Math.Min(alignment, widest), type.Bytes);
    }

    // vectors have at most four elements: more halves travel in pairs
    private static bool InWords(IrType type, int piece) => type.ScalarBits == 16 && piece >= 8;

    private static string Suffix(IrType type) => type.ScalarBits == 8 ? "b8" : PtxRegisters.Bits(type);

    private static string Vector(int count) => count == 1 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $".v{count}");

    private static string List(string[] names) => names.Length == 1 ? names[0] : $"{{{string.Join(", ", names)}}}";

    private static string At(string address, int offset) =>
        offset == 0 ? address : string.Create(CultureInfo.InvariantCulture, $"{address}+{offset}");
}
