using System.Text.Unicode;
using Google.Protobuf;

namespace Llama.Gpu.Tokenization;

/// <summary>What a piece of a SentencePiece model is; numbers as in the file, and in GGUF files too.</summary>
internal enum PieceType
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Stands for what is not in the vocabulary.</summary>
    Unknown = 2,

    /// <summary>A mark, such as beginning of text.</summary>
    Control = 3,

    /// <summary>Text that is always this piece.</summary>
    UserDefined = 4,

    /// <summary>A place without a use.</summary>
    Unused = 5,

    /// <summary>A single byte, written <c>&lt;0x0A&gt;</c>.</summary>
    Byte = 6,
}

/// <summary>One piece of a SentencePiece model.</summary>
/// <param name="Text">UTF-8, with U+2581 for a space.</param>
/// <param name="Score">Of two pairs that could merge, the one that becomes the piece of the higher score goes first.</param>
/// <param name="Type">What it is.</param>
internal readonly record struct Piece(ReadOnlyMemory<byte> Text, float Score, PieceType Type);

/// <summary>
/// A SentencePiece model as its file has it: the fields of <c>sentencepiece_model.proto</c> that say how text becomes pieces.
/// What would give other ids if it were left out is refused.
/// </summary>
internal sealed class SentencePieceModel
{
    private const int BytePairEncoding = 2; // TrainerSpec.ModelType

    /// <summary>The pieces by id.</summary>
    public required IReadOnlyList<Piece> Pieces { get; init; }

    /// <summary>Whether a space goes before each text.</summary>
    public bool AddDummyPrefix { get; init; } = true;

    /// <summary>The token a text begins with.</summary>
    public int? BeginOfTextId { get; init; }

    /// <summary>The token a text ends with.</summary>
    public int? EndOfTextId { get; init; }

    /// <summary>Whether a file begins as a model does: a protocol buffer whose first field is a piece, whose first field is its text.</summary>
    public static bool IsOne(ReadOnlySpan<byte> data) => data is [0x0A, not ((byte)'\n' or (byte)'\r'), 0x0A, ..];

    /// <summary>Reads a model.</summary>
    /// <param name="data">All of the file.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="TokenizerException">Malformed, or a model of a kind that is not supported.</exception>
    public static SentencePieceModel Parse(byte[] data, string file)
    {
        try
        {
            return Read(new CodedInputStream(data), file);
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new TokenizerException(file, $"no valid protocol buffer: {error.Message}", inner: error);
        }
    }

    private static SentencePieceModel Read(CodedInputStream input, string file)
    {
        var pieces = new List<Piece>();
        var trainer = new Fields(file, "trainer_spec");
        var normalizer = new Fields(file, "normalizer_spec");
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag))
            {
                case (1, WireFormat.WireType.LengthDelimited):
                    pieces.Add(ReadPiece(input.ReadBytes().CreateCodedInput(), pieces.Count, file));
                    break;
                case (2, WireFormat.WireType.LengthDelimited):
                    trainer.Read(input.ReadBytes().CreateCodedInput());
                    break;
                case (3, WireFormat.WireType.LengthDelimited):
                    normalizer.Read(input.ReadBytes().CreateCodedInput());
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        trainer.Expect("model_type", 3, absent: 1, expected: BytePairEncoding);
        trainer.Expect("treat_whitespace_as_suffix", 24, absent: 0, expected: 0);
        normalizer.Expect("precompiled_charsmap", 2, absent: 0, expected: 0);
        normalizer.Expect("remove_extra_whitespaces", 4, absent: 1, expected: 0);
        normalizer.Expect("escape_whitespaces", 5, absent: 1, expected: 1);
        return new SentencePieceModel
        {
            Pieces = pieces,
            AddDummyPrefix = normalizer.Get(3, absent: 1) != 0,
            BeginOfTextId = trainer.Id(41, absent: 1, pieces.Count),
            EndOfTextId = trainer.Id(42, absent: 2, pieces.Count),
        };
    }

    private static Piece ReadPiece(CodedInputStream input, int id, string file)
    {
        ReadOnlyMemory<byte> text = default;
        float score = 0;
        var type = PieceType.Normal;
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag))
            {
                case (1, WireFormat.WireType.LengthDelimited):
                    text = input.ReadBytes().Memory;
                    break;
                case (2, WireFormat.WireType.Fixed32):
                    score = input.ReadFloat();
                    break;
                case (3, WireFormat.WireType.Varint):
                    type = (PieceType)input.ReadEnum();
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return Utf8.IsValid(text.Span)
            ? new Piece(text, score, type)
            : throw new TokenizerException(file, "expected text in UTF-8, found other bytes", $"piece {id}");
    }

    /// <summary>The numbers of a message, and the lengths of its byte strings.</summary>
    private sealed class Fields(string file, string message)
    {
        private readonly Dictionary<int, long> _values = [];

        public void Read(CodedInputStream input)
        {
            while (input.ReadTag() is var tag and not 0)
            {
                switch (WireFormat.GetTagWireType(tag))
                {
                    case WireFormat.WireType.Varint:
                        _values[WireFormat.GetTagFieldNumber(tag)] = input.ReadInt64();
                        break;
                    case WireFormat.WireType.LengthDelimited:
                        _values[WireFormat.GetTagFieldNumber(tag)] = input.ReadBytes().Length;
                        break;
                    default:
                        input.SkipLastField();
                        break;
                }
            }
        }

        public long Get(int field, long absent) => _values.GetValueOrDefault(field, absent);

        public int? Id(int field, int absent, int count) => Get(field, absent) is var id && id >= 0 && id < count ? (int)id : null;

        public void Expect(string name, int field, long absent, long expected)
        {
            if (Get(field, absent) is var found && found != expected)
            {
                throw new TokenizerException(file, $"expected {expected}, found {found}, which is not supported", $"{message}.{name}");
            }
        }
    }
}
