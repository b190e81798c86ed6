namespace Llama.Gpu.Jit.Runtime.CPU;

/// <summary>
/// A lane's part of the products of its warp group, in plain C#: layouts and the order of sums are those of <c>docs/ir.md</c>. Hardware
/// may read the operands and write the sums at any moment until a product has been waited for; here it happens at the last one, and until
/// then something else stands in the sums, so that a kernel that forgets to wait is wrong.
/// </summary>
internal sealed unsafe class LaneProducts
{
    private const int Depth = 16;
    private const int ChunkBytes = 16;
    private const int ChunksOfARow = 2;

    private readonly Queue<List<Product>> _groups = new();
    private readonly Dictionary<nint, Sums> _sums = [];
    private List<Product> _open = [];

    /// <summary>Begins a product.</summary>
    /// <exception cref="InvalidKernelOperationException">Memory of the wrong kind, a wrong alignment, size or group.</exception>
    public void Begin<T>(ArrayView<float> sums, int columns, ArrayView<T> a, int aIndex, ArrayView<T> b, int bIndex, bool accumulate)
        where T : unmanaged
    {
        if (typeof(T) != typeof(Half) && typeof(T) != typeof(BFloat16))
        {
            throw new InvalidKernelOperationException($"tensor cores multiply Half or BFloat16, found {typeof(T).Name}");
        }

        GroupRun group = Lane.Active.Group;
        if (group.WarpSize != TensorCore.WarpSize || group.LaneCount % WarpGroup.Size != 0)
        {
            throw new InvalidKernelOperationException(
                $"this works on whole warp groups of {WarpGroup.Size} lanes, found warps of {group.WarpSize} and {group.LaneCount} lanes a group");
        }

        if (columns is not (64 or 128 or 256) || sums.Length != columns / 2
            || sums.Source is not CPUMemoryBuffer { Scope: MemoryScope.Local } own || sums.Address != own.NativePtr)
        {
            throw new InvalidKernelOperationException(
                $"sums of 64, 128 or 256 columns are the whole of a lane's own array of half as many, found {columns} and {sums.Length}");
        }

        var product = new Product(
            sums.Address,
            Operand(a, aIndex, WarpGroup.Size / 2),
            Operand(b, bIndex, columns),
            accumulate,
            typeof(T) == typeof(Half));
        if (!_sums.TryGetValue(sums.Address, out Sums? held))
        {
            var memory = new Span<float>((void*)sums.Address, (int)sums.Length);
            _sums.Add(sums.Address, held = new([.. memory]));
            new Span<byte>((void*)sums.Address, (int)sums.LengthInBytes).Fill(LaneCopies.InFlight);
        }

        held.Running++;
        Touch(product, held.Values.Length);
        _open.Add(product);
    }

    /// <summary>Makes a group of the products since the last one.</summary>
    public void Commit()
    {
        _groups.Enqueue(_open);
        _open = [];
    }

    /// <summary>Carries out all groups but the youngest.</summary>
    public void Wait(int pendingGroups)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pendingGroups);
        while (_groups.Count > pendingGroups)
        {
            foreach (Product product in _groups.Dequeue())
            {
                Sums sums = _sums[product.Sums];
                MultiplyAdd(product, sums.Values);
                if (--sums.Running == 0)
                {
                    sums.Values.CopyTo(new Span<float>((void*)product.Sums, sums.Values.Length));
                    _sums.Remove(product.Sums);
                }
            }
        }
    }

    /// <summary>The lane is done; nobody can wait for what still runs.</summary>
    public void Drop()
    {
        _open.Clear();
        _groups.Clear();
        _sums.Clear();
    }

    private static Tile Operand<T>(ArrayView<T> memory, int index, int rows)
        where T : unmanaged
    {
        ArrayView<T> first = memory.SubView(index);
        if (first.Source is not CPUMemoryBuffer { Scope: MemoryScope.Shared } buffer)
        {
            throw new InvalidKernelOperationException("a warp group multiplies what does not lie in shared memory");
        }

        nint inPattern = first.Address % SwizzledTile.PatternBytes;
        if (inPattern is not (0 or 32 or 64 or 96))
        {
            throw new InvalidKernelOperationException(
                $"an operand begins 0, 32, 64 or 96 bytes behind a multiple of {SwizzledTile.PatternBytes}, found {inPattern}");
        }

        // through the view, which knows its end
        _ = memory.SubView(index - (int)(inPattern / sizeof(ushort)), rows * SwizzledTile.RowBytes / sizeof(ushort));
        return new(buffer, first.Address);
    }

    // what a product reads is told the sanitizer when it begins, since it may be read from then on
    private static void Touch(Product product, int sums)
    {
        for (int i = 0; i < 2; i++)
        {
            product.A.Touch(Row(i));
        }

        for (int i = 0; i < sums / 2; i++)
        {
            product.B.Touch(Column(i));
        }
    }

    private static void MultiplyAdd(Product product, float[] sums)
    {
        Touch(product, sums.Length);
        Span<float> rows = stackalloc float[2 * Depth];
        Span<float> column = stackalloc float[Depth];
        product.A.Read(Row(0), product.IsHalf, rows[..Depth]);
        product.A.Read(Row(1), product.IsHalf, rows[Depth..]);
        for (int i = 0; i < sums.Length / 2; i++)
        {
            product.B.Read(Column(i), product.IsHalf, column);
            for (int half = 0; half < 2; half++)
            {
                ref float sum = ref sums[(4 * (i / 2)) + (2 * half) + (i % 2)];
                sum = product.Accumulate ? sum : 0f;
                for (int k = 0; k < Depth; k++)
                {
                    float term = rows[(half * Depth) + k] * column[k];
                    sum += term;
                }
            }
        }
    }

    // the two rows of this lane
    private static int Row(int half)
    {
        int lane = Lane.Active.LinearIndex % WarpGroup.Size;
        return (lane / TensorCore.WarpSize * 16) + (lane % TensorCore.WarpSize / 4) + (8 * half);
    }

    // column number i of this lane: neighbours in pairs, a pair in every 8
    private static int Column(int i) => (8 * (i / 2)) + (2 * (Lane.Active.LinearIndex % 4)) + (i % 2);

    private sealed record Product(nint Sums, Tile A, Tile B, bool Accumulate, bool IsHalf);

    private sealed class Sums(float[] values)
    {
        public float[] Values => values;

        /// <summary>Products that have not been carried out.</summary>
        public int Running { get; set; }
    }

    /// <summary>An operand: 16 elements of each row, from an address on.</summary>
    private readonly record struct Tile(CPUMemoryBuffer Buffer, nint Address)
    {
        public void Touch(int row)
        {
            for (int chunk = 0; chunk < ChunksOfARow && Sanitizer.AnyActive; chunk++)
            {
                Sanitizer.Touch(Buffer, At(row, chunk), ChunkBytes);
            }
        }

        public void Read(int row, bool isHalf, Span<float> values)
        {
            for (int i = 0; i < Depth; i++)
            {
                ushort bits = *(ushort*)(At(row, i / 8) + (i % 8 * sizeof(ushort)));
                values[i] = isHalf ? Half.FromBits(bits) : BFloat16.FromBits(bits);
            }
        }

        private nint At(int row, int chunk) => SwizzledTile.Swizzle(Address + (row * SwizzledTile.RowBytes) + (chunk * ChunkBytes));
    }
}
