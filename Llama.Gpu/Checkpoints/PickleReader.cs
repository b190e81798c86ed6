using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Reads the pickle of a PyTorch state dictionary without Python. A pickle is a program that may import and call anything;
/// this reader knows the instructions that build data, the names that <see cref="StateDictionary"/> knows, and refuses all else by name.
/// </summary>
/// <remarks>The instructions are those of Python's pickletools, protocols 2 to 5.</remarks>
internal ref struct PickleReader
{
    private const int MostInstructions = 1 << 20; // a state dictionary takes some fifty for a tensor

    private static readonly object MarkObject = new();

    private readonly ReadOnlySpan<byte> _pickle;
    private readonly string _file;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _at;

    private PickleReader(ReadOnlySpan<byte> pickle, string file)
    {
        _pickle = pickle;
        _file = file;
    }

    /// <summary>Reads the value that a pickle builds.</summary>
    /// <param name="pickle">All of it.</param>
    /// <param name="file">Name of the file it is in, for messages.</param>
    /// <exception cref="CheckpointException">Malformed, or more than data: it asks for a name or an instruction that is not known.</exception>
    public static object? Read(ReadOnlySpan<byte> pickle, string file)
    {
        var reader = new PickleReader(pickle, file);
        for (int i = 0; i < MostInstructions; i++)
        {
            byte code = reader.Byte();
            if (code == (byte)'.')
            {
                return reader.Pop();
            }

            reader.Execute(code);
        }

        throw reader.Error($"expected at most {MostInstructions} instructions, found more");
    }

    private void Execute(byte code)
    {
        switch ((char)code)
        {
            case '\u0080':
                CheckProtocol(Byte());
                break;
            case '\u0095': // a frame's length
                Take(8);
                break;
            case '(':
                _stack.Add(MarkObject);
                break;
            case '0':
                Pop();
                break;
            case 'N':
                _stack.Add(null);
                break;
            case '\u0088':
            case '\u0089':
                _stack.Add(code == 0x88);
                break;
            case 'J':
                _stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case 'K':
                _stack.Add((long)Byte());
                break;
            case 'M':
                _stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case '\u008a':
                _stack.Add(Long(Take(Byte())));
                break;
            case 'G':
                _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case '\u008c':
                _stack.Add(Text(Byte()));
                break;
            case 'X':
                _stack.Add(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            default:
                ExecuteOnStack((char)code);
                break;
        }
    }

    private void ExecuteOnStack(char code)
    {
        switch (code)
        {
            case ')':
            case ']':
                _stack.Add(new PickleSequence());
                break;
            case '}':
                _stack.Add(new PickleDictionary());
                break;
            case 't':
                PushTuple(Mark());
                break;
            case '\u0085':
            case '\u0086':
            case '\u0087':
                PushTuple(_stack.Count - (code - 0x84));
                break;
            case 'a':
                object? item = Pop();
                Top<PickleSequence>("a list").Add([item]);
                break;
            case 'e':
                object?[] items = PopFrom(Mark());
                Top<PickleSequence>("a list").Add(items);
                break;
            case 's':
                SetItems(_stack.Count - 2);
                break;
            case 'u':
                SetItems(Mark());
                break;
            case 'q':
                _memo[Byte()] = Peek();
                break;
            case 'r':
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek();
                break;
            case '\u0094':
                _memo[(uint)_memo.Count] = Peek();
                break;
            case 'h':
                PushMemo(Byte());
                break;
            case 'j':
                PushMemo(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;
            default:
                ExecuteCall(code);
                break;
        }
    }

    private void ExecuteCall(char code)
    {
        switch (code)
        {
            case 'c':
                _stack.Add(StateDictionary.Global(Line(), Line(), _file));
                break;
            case '\u0093':
                string name = Pop<string>("a name");
                _stack.Add(StateDictionary.Global(Pop<string>("a module"), name, _file));
                break;
            case 'Q':
                _stack.Add(StateDictionary.Storage(Pop<PickleSequence>("a storage's description"), _file));
                break;
            case 'R':
                var arguments = Pop<PickleSequence>("arguments");
                _stack.Add(StateDictionary.Call(Pop<PickleGlobal>("a function"), arguments, _file));
                break;
            case 'b': // attributes: a state dictionary's versions, which nothing depends on
                Pop();
                Top<PickleDictionary>("a dictionary to set attributes of");
                break;
            default:
                throw Error(string.Create(
                    CultureInfo.InvariantCulture, $"expected only the instructions of a state dictionary, found 0x{(int)code:X2} at byte {_at - 1}"));
        }
    }

    private readonly void CheckProtocol(byte version)
    {
        if (version is < 2 or > 5)
        {
            throw Error($"expected a pickle of protocol 2 to 5, found {version}");
        }
    }

    private readonly long Long(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 8)
        {
            throw Error($"expected integers of at most 8 bytes, found one of {bytes.Length}");
        }

        Span<byte> whole = stackalloc byte[8];
        whole.Fill(bytes is [.., >= 0x80] ? (byte)0xFF : (byte)0);
        bytes.CopyTo(whole);
        return BinaryPrimitives.ReadInt64LittleEndian(whole);
    }

    private string Text(uint length)
    {
        var bytes = Take(length);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Error("expected text in UTF-8, found other bytes");
    }

    private string Line()
    {
        int length = _pickle[_at..].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Error("expected the end of a name, found the pickle's end");
        }

        string line = Text((uint)length);
        _at++;
        return line;
    }

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(uint count)
    {
        if (count > _pickle.Length - _at)
        {
            throw Error($"expected {count} more bytes at byte {_at} of the pickle, found {_pickle.Length - _at} (truncated?)");
        }

        var bytes = _pickle.Slice(_at, (int)count);
        _at += (int)count;
        return bytes;
    }

    private readonly int Mark()
    {
        int mark = _stack.LastIndexOf(MarkObject);
        if (mark < 0)
        {
            throw Error("expected a mark on the stack, found none");
        }

        _stack.RemoveAt(mark);
        return mark;
    }

    private readonly object?[] PopFrom(int start)
    {
        if (start < 0)
        {
            throw Error("expected more values on the stack, found its end");
        }

        var values = CollectionsMarshal.AsSpan(_stack)[start..].ToArray();
        _stack.RemoveRange(start, values.Length);
        return values;
    }

    private readonly void PushTuple(int start)
    {
        var tuple = new PickleSequence();
        tuple.Add(PopFrom(start));
        _stack.Add(tuple);
    }

    private readonly void SetItems(int start)
    {
        object?[] items = PopFrom(start);
        if (items.Length % 2 != 0)
        {
            throw Error("expected keys and values in pairs, found a key alone");
        }

        var dictionary = Top<PickleDictionary>("a dictionary");
        for (int i = 0; i < items.Length; i += 2)
        {
            dictionary.Add(items[i], items[i + 1]);
        }
    }

    private readonly void PushMemo(uint index) =>
        _stack.Add(_memo.TryGetValue(index, out object? value) ? value : throw Error($"expected an earlier value {index}, found none"));

    private readonly object? Peek() => _stack.Count > 0 ? _stack[^1] : throw Error("expected a value on the stack, found none");

    private readonly object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private readonly T Pop<T>(string what) =>
        Pop() is T value ? value : throw Error($"expected {what} on the stack, found something else");

    private readonly T Top<T>(string what) =>
        Peek() is T value ? value : throw Error($"expected {what} on the stack, found something else");

    private readonly CheckpointException Error(string problem) => new(_file, problem, StateDictionary.PickleName);
}
