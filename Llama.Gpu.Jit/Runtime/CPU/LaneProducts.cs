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
    private const int ChunkElements = ChunkBytes / sizeof(ushort);
    private const int BlockColumns = SwizzledTile.RowBytes / sizeof(ushort);
    private const int MostBlockDistance = 255 * SwizzledTile.PatternBytes;

    private readonly Queue<List<Product>> _groups = new();
    private readonly Dictionary<nint, Sums> _sums = [];
    private List<Product> _open = [];

    /// <summary>Begins a product.</summary>
    /// <exception cref="InvalidKernelOperationException">Memory of the wrong kind, a wrong alignment, size or group.</exception>
    public void Begin<T>(ArrayView<float> sums, int columns, ArrayView<T> a, int aIndex, ArrayView<T> b, int bIndex, bool accumulate)
        where T : unmanaged
    {
        Check<T>(sums, columns);
        Begin(sums, new Product(
            sums.Address,
            null,
            Operand(a, aIndex, WarpGroup.Size / 2 * SwizzledTile.RowBytes),
            Operand(b, bIndex, columns * SwizzledTile.RowBytes),
            accumulate,
            typeof(T) == typeof(Half)));
    }

    /// <summary>Begins a product whose A the lanes hold: those that share rows tell each other.</summary>
    /// <exception cref="InvalidKernelOperationException">Memory of the wrong kind, a wrong alignment, size or group.</exception>
    public void BeginHeld<T>(ArrayView<float> sums, int columns, MatrixFragmentA a, ArrayView<T> b, int bIndex, int blockDistance, bool accumulate)
        where T : unmanaged
    {
        Check<T>(sums, columns);
        int distance = blockDistance * sizeof(ushort);
        if (distance is <= 0 or > MostBlockDistance || distance % SwizzledTile.PatternBytes != 0)
        {
            throw new InvalidKernelOperationException(
                $"blocks of {BlockColumns} columns lie multiples of {SwizzledTile.PatternBytes} bytes apart, up to {MostBlockDistance}, found {distance}");
        }

        Tile ofB = Operand(b, bIndex, (((columns / BlockColumns) - 1) * distance) + (Depth * SwizzledTile.RowBytes));
        if (ofB.Address % SwizzledTile.PatternBytes != 0)
        {
            throw new InvalidKernelOperationException($"rows of an operand begin at a multiple of {SwizzledTile.PatternBytes} bytes");
        }

        ReadOnlySpan<MatrixFragmentA> warp = Lane.Active.WarpGather(a, stackalloc MatrixFragmentA[TensorCore.WarpSize]);
        float[] rows = new float[2 * Depth];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = WarpMatrix.ElementOfA<T>(warp, (Warp.LaneIdx / 4) + (i / Depth * 8), i % Depth);
        }

        Begin(sums, new Product(sums.Address, rows, default, ofB with { BlockDistance = distance }, accumulate, typeof(T) == typeof(Half)));
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

    private static void Check<T>(ArrayView<float> sums, int columns)
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
    }

    private void Begin(ArrayView<float> sums, Product product)
    {
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

    private static Tile Operand<T>(ArrayView<T> memory, int index, int bytes)
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
        _ = memory.SubView(index - (int)(inPattern / sizeof(ushort)), bytes / sizeof(ushort));
        return new(buffer, first.Address, 0);
    }

    // what a product reads is told the sanitizer when it begins, since it may be read from then on
    private static void Touch(Product product, int sums)
    {
        if (!Sanitizer.AnyActive)
        {
            return;
        }

        for (int i = 0; product.Rows is null && i < 2; i++)
        {
            product.A.Touch(Row(i), 0);
            product.A.Touch(Row(i), ChunkElements);
        }

        if (product.B.BlockDistance > 0)
        {
            // all lanes of a warp read all of it; each tells of a part
            for (int i = Warp.LaneIdx; i < sums * 2 / ChunkElements * Depth; i += TensorCore.WarpSize)
            {
                product.B.Touch(i / Depth * ChunkElements, i % Depth);
            }

            return;
        }

        for (int i = 0; i < sums / 2; i++)
        {
            product.B.Touch(Column(i), 0);
            product.B.Touch(Column(i), ChunkElements);
        }
    }

    private static void MultiplyAdd(Product product, float[] sums)
    {
        Touch(product, sums.Length);
        Span<float> rows = stackalloc float[2 * Depth];
        Span<float> column = stackalloc float[Depth];
        if (product.Rows is { } held)
        {
            held.CopyTo(rows);
        }
        else
        {
            product.A.Read(Row(0), product.IsHalf, rows[..Depth]);
            product.A.Read(Row(1), product.IsHalf, rows[Depth..]);
        }

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

    // the rows of A that the lanes have told, or where they lie
    private sealed record Product(nint Sums, float[]? Rows, Tile A, Tile B, bool Accumulate, bool IsHalf);

    private sealed class Sums(float[] values)
    {
        public float[] Values => values;

        /// <summary>Products that have not been carried out.</summary>
        public int Running { get; set; }
    }

    /// <summary>
    /// An operand, from an address on: 16 elements of each row of A, and of B, whose rows are columns of the product; or, where blocks have a
    /// distance, 16 rows of columns.
    /// </summary>
    private readonly record struct Tile(CPUMemoryBuffer Buffer, nint Address, int BlockDistance)
    {
        public void Touch(int index, int k) => Sanitizer.Touch(Buffer, At(index, k), ChunkBytes);

        public void Read(int index, bool isHalf, Span<float> values)
        {
            for (int k = 0; k < Depth; k++)
            {
                ushort bits = *(ushort*)At(index, k);
                values[k] = isHalf ? Half.FromBits(bits) : BFloat16.FromBits(bits);
            }
        }

        private nint At(int index, int k) => SwizzledTile.Swizzle(Address + (BlockDistance == 0
            ? (index * SwizzledTile.RowBytes) + (k * sizeof(ushort))
            : (index / BlockColumns * BlockDistance) + (k * SwizzledTile.RowBytes) + (index % BlockColumns * sizeof(ushort))));
    }
}
