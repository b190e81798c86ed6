using Llama.Gpu.Json;

namespace Llama.Gpu.Checkpoints;

/// <summary>
/// What the pickle of a PyTorch state dictionary may refer to and call, and what that makes. Nothing here runs code of the
/// file's choosing: a name that is not listed ends the reading.
/// </summary>
internal static class StateDictionary
{
    /// <summary>Name of the pickle in its archive.</summary>
    public const string PickleName = "data.pkl";

    private const int MostDimensions = 8;

    // the types beside the three of weights are known so that the error can name the tensor that has one
    private static readonly Dictionary<string, TensorType?> StorageTypes = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = TensorType.Float32,
        ["HalfStorage"] = TensorType.Float16,
        ["BFloat16Storage"] = TensorType.BFloat16,
        ["DoubleStorage"] = null,
        ["LongStorage"] = null,
        ["IntStorage"] = null,
        ["ShortStorage"] = null,
        ["CharStorage"] = null,
        ["ByteStorage"] = null,
        ["BoolStorage"] = null,
    };

    /// <summary>The element type of a storage, or null where it is no type of weights.</summary>
    public static TensorType? TypeOf(PickleStorage storage) => StorageTypes[storage.TypeName];

    /// <summary>A name that a pickle refers to.</summary>
    /// <exception cref="CheckpointException">It is none of those that a state dictionary needs.</exception>
    public static PickleGlobal Global(string module, string name, string file) => (module, name) switch
    {
        ("collections", "OrderedDict") => new(PickleGlobalKind.OrderedDictionary, name),
        ("torch._utils", "_rebuild_tensor_v2") => new(PickleGlobalKind.RebuildTensor, name),
        ("torch._utils", "_rebuild_parameter") => new(PickleGlobalKind.RebuildParameter, name),
        ("torch", _) when StorageTypes.ContainsKey(name) => new(PickleGlobalKind.Storage, name),
        _ => throw new CheckpointException(
            file,
            $"expected only what a state dictionary of tensors needs, found a reference to {StrictJson.OneLine($"{module}.{name}")}, which is refused",
            PickleName),
    };

    /// <summary>The storage of a persistent id: ("storage", its type, key, device, number of elements).</summary>
    /// <exception cref="CheckpointException">Another kind of id.</exception>
    public static PickleStorage Storage(PickleSequence id, string file) =>
        id.Items is ["storage", PickleGlobal { Kind: PickleGlobalKind.Storage } type, string key, _, long and >= 0]
            ? new PickleStorage(key, type.Name, (long)id.Items[4]!)
            : throw Error("expected a storage with type, key, device and number of elements, found another persistent id", file);

    /// <summary>What a call makes.</summary>
    /// <exception cref="CheckpointException">Arguments that the function does not take, or a tensor that reaches out of its storage.</exception>
    public static PickleValue Call(PickleGlobal function, PickleSequence arguments, string file) => (function.Kind, arguments.Items) switch
    {
        (PickleGlobalKind.OrderedDictionary, []) => new PickleDictionary(),
        (PickleGlobalKind.RebuildParameter, [PickleTensor tensor, ..]) => tensor,
        (PickleGlobalKind.RebuildTensor, [PickleStorage storage, long offset, PickleSequence shape, PickleSequence strides, ..]) =>
            Tensor(storage, offset, Numbers(shape, file), Numbers(strides, file), file),
        _ => throw Error($"expected the arguments of {function.Name}, found others", file),
    };

    private static PickleTensor Tensor(PickleStorage storage, long offset, long[] shape, long[] strides, string file)
    {
        if (shape.Length != strides.Length || shape.Length > MostDimensions)
        {
            throw Error($"expected as many strides as dimensions, and at most {MostDimensions}, found {shape.Length} and {strides.Length}", file);
        }

        Int128 last = offset;
        Int128 count = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            count = Int128.Min(count * shape[i], long.MaxValue);
            last += Int128.Max(0, shape[i] - 1) * strides[i];
        }

        // an empty tensor is nowhere
        if (offset < 0 || count >= long.MaxValue || (count > 0 && last >= storage.Count))
        {
            throw Error(
                $"expected a tensor within its storage of {storage.Count} elements, found shape {TensorShape.Format([.. shape])} "
                + $"with strides {TensorShape.Format([.. strides])} from element {offset}",
                file);
        }

        return new PickleTensor(storage, offset, shape, strides);
    }

    private static long[] Numbers(PickleSequence sequence, string file)
    {
        if (sequence.Items.Count > MostDimensions || sequence.Items.Any(item => item is not (long and >= 0)))
        {
            throw Error($"expected at most {MostDimensions} whole numbers as a shape, found something else", file);
        }

        return [.. sequence.Items.Select(item => (long)item!)];
    }

    private static CheckpointException Error(string problem, string file) => new(file, problem, PickleName);
}
