namespace Llama.Gpu.Checkpoints;

/// <summary>
/// Something that a pickle builds, beside <see cref="long"/>, <see cref="double"/>, <see cref="bool"/>, <see cref="string"/> and null.
/// Values are never walked through, so that one which contains itself does no harm.
/// </summary>
internal abstract record PickleValue;

/// <summary>A tuple, or a list: no reader needs to tell them apart.</summary>
internal sealed record PickleSequence : PickleValue
{
    private List<object?>? _items;

    /// <summary>The items in order.</summary>
    public IReadOnlyList<object?> Items => _items ?? (IReadOnlyList<object?>)[];

    /// <summary>Appends items.</summary>
    public void Add(ReadOnlySpan<object?> items) => (_items ??= new(items.Length)).AddRange(items);
}

/// <summary>A dictionary, its entries in order; a key that comes again is there twice.</summary>
internal sealed record PickleDictionary : PickleValue
{
    private List<(object? Key, object? Value)>? _entries;

    /// <summary>The entries in order.</summary>
    public IReadOnlyList<(object? Key, object? Value)> Entries => _entries ?? (IReadOnlyList<(object?, object?)>)[];

    /// <summary>Appends an entry.</summary>
    public void Add(object? key, object? value) => (_entries ??= []).Add((key, value));
}

/// <summary>One of the few names that a pickle may refer to.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Module and name, as in Python.</param>
internal sealed record PickleGlobal(PickleGlobalKind Kind, string Name) : PickleValue;

/// <summary>What a name in a pickle stands for.</summary>
internal enum PickleGlobalKind
{
    /// <summary>The type of state dictionaries.</summary>
    OrderedDictionary,

    /// <summary>Makes a tensor of a storage.</summary>
    RebuildTensor,

    /// <summary>Makes a parameter of a tensor.</summary>
    RebuildParameter,

    /// <summary>A type of storage.</summary>
    Storage,
}

/// <summary>A storage: a file of the archive.</summary>
/// <param name="Key">Name of the file in the archive's <c>data</c> folder.</param>
/// <param name="TypeName">Name of the storage's type in Python.</param>
/// <param name="Count">Number of elements.</param>
internal sealed record PickleStorage(string Key, string TypeName, long Count) : PickleValue;

/// <summary>A tensor over a storage.</summary>
/// <param name="Storage">Where its elements are.</param>
/// <param name="Offset">The storage's element that is the tensor's first.</param>
/// <param name="Shape">Extents, outermost first.</param>
/// <param name="Strides">Elements from one index of each dimension to the next.</param>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, long[] Shape, long[] Strides) : PickleValue;
