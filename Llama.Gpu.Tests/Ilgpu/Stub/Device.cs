namespace ILGPU;

public static class Group
{
    public static int IdxX => throw Stub.NothingRuns;

    public static int IdxY => throw Stub.NothingRuns;

    public static int IdxZ => throw Stub.NothingRuns;

    public static int DimX => throw Stub.NothingRuns;

    public static int DimY => throw Stub.NothingRuns;

    public static int DimZ => throw Stub.NothingRuns;

    public static int LinearIndex => throw Stub.NothingRuns;

    public static bool IsFirstThread => throw Stub.NothingRuns;

    public static bool IsLastThread => throw Stub.NothingRuns;

    public static void Barrier() => throw Stub.NothingRuns;

    public static T Broadcast<T>(T value, int groupIndex)
        where T : unmanaged => throw Stub.NothingRuns;
}

public static class Grid
{
    public static int IdxX => throw Stub.NothingRuns;

    public static int IdxY => throw Stub.NothingRuns;

    public static int IdxZ => throw Stub.NothingRuns;

    public static int DimX => throw Stub.NothingRuns;

    public static int DimY => throw Stub.NothingRuns;

    public static int DimZ => throw Stub.NothingRuns;

    public static int LinearIndex => throw Stub.NothingRuns;

    public static int GlobalLinearIndex => throw Stub.NothingRuns;

    public static Index3D GlobalIndex => throw Stub.NothingRuns;
}

public static class Warp
{
    public static int WarpSize => throw Stub.NothingRuns;

    public static int LaneIdx => throw Stub.NothingRuns;

    public static int WarpIdx => throw Stub.NothingRuns;

    public static bool IsFirstLane => throw Stub.NothingRuns;

    public static bool IsLastLane => throw Stub.NothingRuns;

    public static void Barrier() => throw Stub.NothingRuns;

    public static T Shuffle<T>(T variable, int sourceLane)
        where T : unmanaged => throw Stub.NothingRuns;

    public static T ShuffleDown<T>(T variable, int delta)
        where T : unmanaged => throw Stub.NothingRuns;

    public static T ShuffleUp<T>(T variable, int delta)
        where T : unmanaged => throw Stub.NothingRuns;

    public static T ShuffleXor<T>(T variable, int mask)
        where T : unmanaged => throw Stub.NothingRuns;

    public static T Broadcast<T>(T value, int sourceLane)
        where T : unmanaged => throw Stub.NothingRuns;
}

public static class SharedMemory
{
    public static ref T Allocate<T>()
        where T : unmanaged => throw Stub.NothingRuns;

    public static ArrayView<T> Allocate<T>(int extent)
        where T : unmanaged => throw Stub.NothingRuns;

    public static ArrayView<T> GetDynamic<T>()
        where T : unmanaged => throw Stub.NothingRuns;
}

public static class LocalMemory
{
    public static ArrayView<T> Allocate<T>(int extent)
        where T : unmanaged => throw Stub.NothingRuns;
}

public static class MemoryFence
{
    public static void GroupLevel() => throw Stub.NothingRuns;

    public static void DeviceLevel() => throw Stub.NothingRuns;

    public static void SystemLevel() => throw Stub.NothingRuns;
}

public static class Atomic
{
    public static int Add(ref int target, int value) => throw Stub.NothingRuns;

    public static long Add(ref long target, long value) => throw Stub.NothingRuns;

    public static float Add(ref float target, float value) => throw Stub.NothingRuns;

    public static int Max(ref int target, int value) => throw Stub.NothingRuns;

    public static int Min(ref int target, int value) => throw Stub.NothingRuns;

    public static int Or(ref int target, int value) => throw Stub.NothingRuns;

    public static int Exchange(ref int target, int value) => throw Stub.NothingRuns;

    public static int CompareExchange(ref int target, int compare, int value) => throw Stub.NothingRuns;
}

public static class Interop
{
    public static int SizeOf<T>()
        where T : unmanaged => throw Stub.NothingRuns;

    public static ushort FloatAsInt(Half value) => throw Stub.NothingRuns;

    public static uint FloatAsInt(float value) => throw Stub.NothingRuns;

    public static ulong FloatAsInt(double value) => throw Stub.NothingRuns;

    public static Half IntAsFloat(ushort value) => throw Stub.NothingRuns;

    public static float IntAsFloat(uint value) => throw Stub.NothingRuns;

    public static double IntAsFloat(ulong value) => throw Stub.NothingRuns;
}

public readonly struct Half
{
    public static implicit operator float(Half value) => throw Stub.NothingRuns;

    public static explicit operator Half(float value) => throw Stub.NothingRuns;
}

public static class IntrinsicMath
{
    public static int Abs(int value) => throw Stub.NothingRuns;

    public static float Abs(float value) => throw Stub.NothingRuns;

    public static int Min(int first, int second) => throw Stub.NothingRuns;

    public static long Min(long first, long second) => throw Stub.NothingRuns;

    public static float Min(float first, float second) => throw Stub.NothingRuns;

    public static int Max(int first, int second) => throw Stub.NothingRuns;

    public static long Max(long first, long second) => throw Stub.NothingRuns;

    public static float Max(float first, float second) => throw Stub.NothingRuns;

    public static int Clamp(int value, int min, int max) => throw Stub.NothingRuns;

    public static float Clamp(float value, float min, float max) => throw Stub.NothingRuns;

    public static int DivRoundUp(int numerator, int denominator) => throw Stub.NothingRuns;

    public static long DivRoundUp(long numerator, long denominator) => throw Stub.NothingRuns;
}
