namespace Llama.Gpu.Jit.Ir;

/// <summary>
/// The operations of the IR: start reading here. Operands and results are typed as <c>docs/ir.md</c> and <see cref="OpTable"/>
/// state; what an operation means is the same on every accelerator. Integer arithmetic wraps; shift counts are taken modulo the
/// width, as C# takes them.
/// </summary>
internal enum Op
{
    // values without operands
    /// <summary>The constant in the immediate: an integer, or the bits of a float.</summary>
    Constant,

    /// <summary>Any value; reading it is an error in the program.</summary>
    Undefined,

    /// <summary>Kernel parameter number immediate.</summary>
    Parameter,

    /// <summary>A built-in of the launch; the immediate is a <see cref="BuiltIn"/>.</summary>
    BuiltIn,

    // arithmetic: T, T -> T
    /// <summary>Sum.</summary>
    Add,

    /// <summary>Difference.</summary>
    Sub,

    /// <summary>Product.</summary>
    Mul,

    /// <summary>Quotient: floats by IEEE, integers signed, towards zero. Division by zero is undefined.</summary>
    Div,

    /// <summary>Quotient of unsigned integers.</summary>
    DivU,

    /// <summary>Remainder with the dividend's sign: floats as C's fmod, integers signed.</summary>
    Rem,

    /// <summary>Remainder of unsigned integers.</summary>
    RemU,

    /// <summary>Bitwise and; also of truth values.</summary>
    And,

    /// <summary>Bitwise or.</summary>
    Or,

    /// <summary>Bitwise exclusive or.</summary>
    Xor,

    /// <summary>Shift left: T, i32 -> T.</summary>
    Shl,

    /// <summary>Shift right, sign comes in: T, i32 -> T.</summary>
    Shr,

    /// <summary>Shift right, zeros come in: T, i32 -> T.</summary>
    ShrU,

    /// <summary>The smaller; integers signed, floats NaN if either is.</summary>
    Min,

    /// <summary>The smaller of unsigned integers.</summary>
    MinU,

    /// <summary>The larger; integers signed, floats NaN if either is.</summary>
    Max,

    /// <summary>The larger of unsigned integers.</summary>
    MaxU,

    // arithmetic: T -> T
    /// <summary>Negation.</summary>
    Neg,

    /// <summary>Bitwise complement; also of truth values.</summary>
    Not,

    /// <summary>Absolute value; the least signed integer stays.</summary>
    Abs,

    /// <summary>a * b + c of floats, rounded once: T, T, T -> T.</summary>
    Fma,

    // functions of floats: T -> T
    /// <summary>Square root, correctly rounded.</summary>
    Sqrt,

    /// <summary>One over the square root.</summary>
    Rsqrt,

    /// <summary>e to the power.</summary>
    Exp,

    /// <summary>2 to the power.</summary>
    Exp2,

    /// <summary>2 to the power of an f32, within 2^-21 of the value; a result below 2^-126 may be 0.</summary>
    Exp2Approximate,

    /// <summary>Natural logarithm.</summary>
    Log,

    /// <summary>Logarithm to base 2.</summary>
    Log2,

    /// <summary>Sine.</summary>
    Sin,

    /// <summary>Cosine.</summary>
    Cos,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>The next integer below.</summary>
    Floor,

    /// <summary>The next integer above.</summary>
    Ceiling,

    /// <summary>The nearest integer, ties to even.</summary>
    RoundEven,

    /// <summary>The integer part.</summary>
    Truncate,

    /// <summary>First to the power of the second: T, T -> T.</summary>
    Pow,

    // comparisons: T, T -> i1
    /// <summary>Equal; false if a float is NaN.</summary>
    Eq,

    /// <summary>Not equal; true if a float is NaN.</summary>
    Ne,

    /// <summary>Less; signed, false if a float is NaN.</summary>
    Lt,

    /// <summary>Less or equal; signed, false if a float is NaN.</summary>
    Le,

    /// <summary>Less of unsigned integers; of floats less or unordered.</summary>
    LtU,

    /// <summary>Less or equal of unsigned integers; of floats less, equal or unordered.</summary>
    LeU,

    /// <summary>The second operand where the first is true, else the third: i1, T, T -> T.</summary>
    Select,

    // conversions: S -> T
    /// <summary>Integer to a narrower one; to i1: the lowest bit.</summary>
    Truncation,

    /// <summary>Integer to a wider one, sign-extended.</summary>
    SignExtend,

    /// <summary>Integer or truth value to a wider integer, zeros above.</summary>
    ZeroExtend,

    /// <summary>Signed integer to float, to nearest even.</summary>
    IntToFloat,

    /// <summary>Unsigned integer to float, to nearest even.</summary>
    UnsignedToFloat,

    /// <summary>Float to signed integer, towards zero; saturates, NaN to 0.</summary>
    FloatToInt,

    /// <summary>Float to unsigned integer, towards zero; saturates, NaN to 0.</summary>
    FloatToUnsigned,

    /// <summary>f32 to f64 or back, to nearest even.</summary>
    FloatToFloat,

    /// <summary>The same bits as another type of the same width.</summary>
    Bitcast,

    /// <summary>f16 bits (i16) to f32.</summary>
    HalfToFloat,

    /// <summary>f32 to f16 bits (i16), to nearest even.</summary>
    FloatToHalf,

    /// <summary>bf16 bits (i16) to f32.</summary>
    BFloat16ToFloat,

    /// <summary>f32 to bf16 bits (i16), to nearest even; NaN stays NaN.</summary>
    FloatToBFloat16,

    // memory
    /// <summary>Memory of the group, immediate bytes: -> ptr.shared. One allocation for each such instruction.</summary>
    AllocateShared,

    /// <summary>Memory of the lane, immediate bytes: -> ptr.local. One allocation for each such instruction.</summary>
    AllocateLocal,

    /// <summary>The dynamic shared memory of the launch: -> ptr.shared.</summary>
    DynamicShared,

    /// <summary>Address plus bytes: ptr, i64 -> ptr.</summary>
    Offset,

    /// <summary>Reads, perhaps as a stream; the immediate is the alignment in bytes that is known: ptr -> T.</summary>
    Load,

    /// <summary>Writes; the immediate is the alignment in bytes that is known: ptr, T -> void.</summary>
    Store,

    /// <summary>Says that the memory at an address will be read soon; a hint, which may go anywhere and changes nothing: ptr -> void.</summary>
    Prefetch,

    /// <summary>Read-modify-write, the value before; the immediate is an <see cref="AtomicOp"/>: ptr, T -> T.</summary>
    Atomic,

    /// <summary>Stores the third operand where the second equals what is there; the value before: ptr, T, T -> T.</summary>
    CompareExchange,

    // vectors
    /// <summary>A vector of as many scalars: T, ... -> TxN.</summary>
    BuildVector,

    /// <summary>Scalar number immediate of a vector: TxN -> T.</summary>
    Extract,

    // lanes together, in group-uniform control flow
    /// <summary>Waits for the group.</summary>
    Barrier,

    /// <summary>Waits for the warp.</summary>
    WarpBarrier,

    /// <summary>Orders memory operations; the immediate is a <see cref="FenceScope"/>.</summary>
    Fence,

    /// <summary>
    /// The value that another lane of the warp passes: T, i32 (its index in the warp) -> T. An index outside the warp, or of a
    /// lane that does not exist, gives the caller's own.
    /// </summary>
    Shuffle,

    /// <summary>The value that lane number second operand of the group passes: T, i32 -> T.</summary>
    Broadcast,

    // tensor cores: a warp of 32 lanes together, in group-uniform control flow
    /// <summary>
    /// D = A * B + C of a tile, m16n8k16, each lane with its fragments: i32x4 (A), i32x2 (B), f32x4 (C) -> f32x4. The immediate is a
    /// <see cref="MatrixElement"/>. <c>docs/ir.md</c> has the layout and the order of the sums.
    /// </summary>
    MatrixMultiply,

    /// <summary>
    /// As many 8x8 matrices of 16-bit elements as the result has words, out of shared memory: ptr.shared -> i32, i32x2 or i32x4. Lane
    /// 8 * m + r passes the address of row r of matrix m, a multiple of 16. Immediate 1 gives the matrices transposed.
    /// </summary>
    LoadMatrix,

    // asynchronous copies, each lane for itself
    /// <summary>
    /// Begins to copy immediate (4, 8 or 16) bytes; of the source only as many as the third operand says are read, for the rest stand
    /// zeros: ptr.shared, ptr.global, i32 -> void. Both addresses are multiples of the immediate. Until an <see cref="AsyncWait"/> the
    /// bytes that are written hold anything, and those that are read must stay as they are.
    /// </summary>
    AsyncCopy,

    /// <summary>Makes a group of the lane's copies since the last such instruction; it may be empty.</summary>
    AsyncCommit,

    /// <summary>Waits until at most immediate of the lane's groups of copies, the youngest, are not done.</summary>
    AsyncWait,

    // barriers in shared memory, with phases
    /// <summary>Makes a barrier whose phases take as many arrivals as the second operand says: ptr.shared, i32 -> void.</summary>
    AsyncBarrierInit,

    /// <summary>
    /// Arrives, and makes the phase wait for further bytes, as many as the second operand says: ptr.shared, i32 -> void. An immediate above
    /// 0 is the groups of the cluster: it arrives at the barrier of this place in each of them.
    /// </summary>
    AsyncBarrierArrive,

    /// <summary>Waits for the phase of a parity, in warp-uniform control flow: ptr.shared, i32 -> void.</summary>
    AsyncBarrierWait,

    /// <summary>
    /// Begins to copy a box of a matrix, swizzled by 128 bytes: target (ptr.shared), barrier (ptr.shared), tensor map (ptr.parameter), row
    /// and column of its first element (i32, i32) -> void. An immediate above 0 is a <see cref="ClusterBoxes"/>: then one box for each group of
    /// the cluster is copied to all of them.
    /// </summary>
    TensorLoad,

    /// <summary>Waits for all lanes of the groups of the cluster, in group-uniform control flow.</summary>
    ClusterBarrier,

    // a warp group of 128 lanes together
    /// <summary>
    /// Begins D = A * B^T + D, m64nNk16: the lane's sums (ptr.local), A and B (ptr.shared, ptr.shared), whether D is added (i1) -> void. The
    /// immediate is a <see cref="WarpGroupShape"/>. <c>docs/ir.md</c> has the layouts. Until a <see cref="WarpGroupWait"/> the sums hold
    /// anything, and the operands must stay as they are.
    /// </summary>
    WarpGroupMultiply,

    /// <summary>
    /// Begins D = A * B + D, m64nNk16, with A held by the lanes and B as rows: the lane's sums (ptr.local), its words of A (i32x4), B
    /// (ptr.shared), whether D is added (i1) -> void. Otherwise as <see cref="WarpGroupMultiply"/>.
    /// </summary>
    WarpGroupMultiplyHeld,

    /// <summary>Orders what lanes did with their sums before the products that follow.</summary>
    WarpGroupFence,

    /// <summary>Makes a group of the products since the last such instruction.</summary>
    WarpGroupCommit,

    /// <summary>Waits until at most immediate groups of products, the youngest, are not done; the lanes of a warp wait for each other.</summary>
    WarpGroupWait,

    /// <summary>Lets products and copies that follow see what the lane has stored in shared memory.</summary>
    WarpGroupFenceStores,

    /// <summary>Registers that lanes of the warp group have from here on: immediate, or its negative where some are given back.</summary>
    WarpGroupRegisters,
}

/// <summary>Elements of the matrices A and B of a <see cref="Op.MatrixMultiply"/>, two in a word, the lower index in the lower half.</summary>
internal enum MatrixElement
{
    /// <summary>f16.</summary>
    Half,

    /// <summary>bf16.</summary>
    BFloat16,
}

/// <summary>What a <see cref="Op.WarpGroupMultiply"/> or <see cref="Op.WarpGroupMultiplyHeld"/> multiplies, as one number.</summary>
/// <param name="Element">Elements of A and B.</param>
/// <param name="Columns">N: 64, 128 or 256.</param>
/// <param name="BlockDistance">Bytes from 64 columns of B to the next 64 where B is rows; 0 where it is not.</param>
internal readonly record struct WarpGroupShape(MatrixElement Element, int Columns, int BlockDistance = 0)
{
    // what a descriptor can say: 14 bits of 16 bytes each, in whole patterns of the swizzle
    private const int MostBlockDistance = 255 * 1024;
    private const int PatternShift = 10;

    /// <summary>Sums that a lane has.</summary>
    public int Sums => Columns / 2;

    /// <summary>The shape as an immediate.</summary>
    public long Immediate => ((long)(BlockDistance >> PatternShift) << 16) | ((long)Columns << 1) | (long)Element;

    /// <summary>Whether the hardware has it.</summary>
    public bool IsOffered => Columns is 64 or 128 or 256
        && BlockDistance is >= 0 and <= MostBlockDistance && BlockDistance % (1 << PatternShift) == 0;

    /// <summary>The shape that an immediate says.</summary>
    public static WarpGroupShape Of(long immediate) =>
        new((MatrixElement)(immediate & 1), (int)(immediate & 0xFFFF) >> 1, (int)(immediate >> 16) << PatternShift);

    /// <inheritdoc/>
    public override string ToString() => $"{Element}.n{Columns}{(BlockDistance > 0 ? $".{BlockDistance}" : string.Empty)}".ToLowerInvariant();
}

/// <summary>The boxes of a <see cref="Op.TensorLoad"/> for a cluster, as one number.</summary>
/// <param name="Groups">Groups of the cluster: as many boxes, one below the other.</param>
/// <param name="Rows">Rows of a box, a multiple of 8.</param>
internal readonly record struct ClusterBoxes(int Groups, int Rows)
{
    /// <summary>The most groups that a cluster has everywhere.</summary>
    public const int MostGroups = 8;

    /// <summary>Bytes of a box.</summary>
    public int Bytes => Rows * 128;

    /// <summary>The boxes as an immediate.</summary>
    public long Immediate => (Rows << 8) | Groups;

    /// <summary>Whether the hardware has it.</summary>
    public bool IsOffered => Groups is >= 2 and <= MostGroups && Rows is > 0 and <= 256 && Rows % 8 == 0;

    /// <summary>The boxes that an immediate says.</summary>
    public static ClusterBoxes Of(long immediate) => new((int)(immediate & 0xFF), (int)(immediate >> 8));
}

/// <summary>Built-ins of a launch, each an i32.</summary>
internal enum BuiltIn
{
    /// <summary>Index of the lane in its group.</summary>
    LaneX,

    /// <summary>Index of the lane in its group.</summary>
    LaneY,

    /// <summary>Index of the lane in its group.</summary>
    LaneZ,

    /// <summary>Lanes of a group.</summary>
    GroupDimX,

    /// <summary>Lanes of a group.</summary>
    GroupDimY,

    /// <summary>Lanes of a group.</summary>
    GroupDimZ,

    /// <summary>Index of the group.</summary>
    GroupX,

    /// <summary>Index of the group.</summary>
    GroupY,

    /// <summary>Index of the group.</summary>
    GroupZ,

    /// <summary>Groups of the launch.</summary>
    GridDimX,

    /// <summary>Groups of the launch.</summary>
    GridDimY,

    /// <summary>Groups of the launch.</summary>
    GridDimZ,

    /// <summary>Lanes of a warp; a constant of the accelerator.</summary>
    WarpSize,

    /// <summary>Bytes of dynamic shared memory.</summary>
    DynamicSharedBytes,
}

/// <summary>What an <see cref="Op.Atomic"/> does with the old value and its operand.</summary>
internal enum AtomicOp
{
    /// <summary>Sum.</summary>
    Add,

    /// <summary>The smaller, signed.</summary>
    Min,

    /// <summary>The smaller, unsigned.</summary>
    MinU,

    /// <summary>The larger, signed.</summary>
    Max,

    /// <summary>The larger, unsigned.</summary>
    MaxU,

    /// <summary>Bitwise and.</summary>
    And,

    /// <summary>Bitwise or.</summary>
    Or,

    /// <summary>Bitwise exclusive or.</summary>
    Xor,

    /// <summary>The operand.</summary>
    Exchange,
}

/// <summary>Who sees memory operations in the order that an <see cref="Op.Fence"/> makes.</summary>
internal enum FenceScope
{
    /// <summary>The group.</summary>
    Group,

    /// <summary>The device.</summary>
    Device,

    /// <summary>The host and other devices too.</summary>
    System,
}
