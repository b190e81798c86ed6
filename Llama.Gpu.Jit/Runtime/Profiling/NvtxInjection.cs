using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime.Profiling;

/// <summary>
/// NVIDIA's NVTX as a program sees it that is not built with its headers: a profiler names its library in <see cref="Variable"/>; the
/// library is loaded and asks for tables of function pointers, into which it writes what is to be called (nvtx3,
/// <c>nvtxDetail/nvtxTypes.h</c>, version 3). No toolkit is needed, and where no profiler is, nothing is loaded.
/// </summary>
internal sealed unsafe class NvtxInjection
{
    /// <summary>Set by the profiler for the processes that it starts.</summary>
    public const string Variable = "NVTX_INJECTION64_PATH";

    private const string EntryPoint = "InitializeInjectionNvtx2";
    private const int CallbacksTable = 1;
    private const int VersionTable = 3;
    private const int CoreModule = 1;
    private const int RangePushA = 9;
    private const int RangePop = 11;
    private const uint NvtxVersion = 3;

    // entries of each module's table, by its number: core, CUDA, OpenCL, CUDA runtime, core with domains, synchronization
    private static readonly int[] TableSizes = [0, 16, 9, 15, 7, 16, 7];

    // memory that a profiler keeps pointers to, so it is never freed
    private static readonly nint** Tables = MakeTables();
    private static readonly Callbacks* CallbackTable = MakeCallbacks();
    private static readonly VersionInfo* Version = MakeVersion();

    private readonly delegate* unmanaged[Cdecl]<byte*, int> _push;
    private readonly delegate* unmanaged[Cdecl]<int> _pop;

    private NvtxInjection()
    {
        _push = (delegate* unmanaged[Cdecl]<byte*, int>)*(nint*)Tables[CoreModule][RangePushA];
        _pop = (delegate* unmanaged[Cdecl]<int>)*(nint*)Tables[CoreModule][RangePop];
    }

    /// <summary>Attaches a profiler's library; null where it cannot be loaded, is none, declines, or wants no ranges.</summary>
    public static NvtxInjection? TryAttach(string? library)
    {
        if (string.IsNullOrEmpty(library)
            || !NativeLibrary.TryLoad(library, out nint handle)
            || !NativeLibrary.TryGetExport(handle, EntryPoint, out nint entry))
        {
            return null;
        }

        int attached = ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<uint, void*>, int>)entry)(&GetExportTable);
        var injection = new NvtxInjection();
        return attached != 0 && injection._push is not null && injection._pop is not null ? injection : null;
    }

    /// <summary>Begins a range of the calling thread, within the one that it is in.</summary>
    public void Push(string name)
    {
        int length = System.Text.Encoding.UTF8.GetMaxByteCount(name.Length) + 1;
        Span<byte> text = length <= 256 ? stackalloc byte[length] : new byte[length];
        text[System.Text.Encoding.UTF8.GetBytes(name, text)] = 0;
        fixed (byte* start = text)
        {
            _ = _push(start);
        }
    }

    /// <summary>Ends the range that the calling thread began last.</summary>
    public void Pop() => _ = _pop();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* GetExportTable(uint table) => table switch
    {
        CallbacksTable => CallbackTable,
        VersionTable => Version,
        _ => null,
    };

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int GetModuleFunctionTable(int module, nint** table, uint* size)
    {
        if (module < CoreModule || module >= TableSizes.Length)
        {
            return 0;
        }

        if (table is not null)
        {
            *table = Tables[module];
        }

        if (size is not null)
        {
            *size = (uint)TableSizes[module];
        }

        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void SetInjectionNvtxVersion(uint version)
    {
    }

    // a table holds, for each function, the address of the pointer that is called
    private static nint** MakeTables()
    {
        var tables = (nint**)NativeMemory.AllocZeroed((nuint)TableSizes.Length, (nuint)sizeof(nint*));
        for (int module = CoreModule; module < TableSizes.Length; module++)
        {
            int size = TableSizes[module];
            var table = (nint*)NativeMemory.AllocZeroed((nuint)(2 * size), (nuint)sizeof(nint));
            for (int i = 0; i < size; i++)
            {
                table[i] = (nint)(table + size + i);
            }

            tables[module] = table;
        }

        return tables;
    }

    private static Callbacks* MakeCallbacks()
    {
        var made = (Callbacks*)NativeMemory.AllocZeroed((nuint)sizeof(Callbacks));
        *made = new Callbacks { Size = (nuint)sizeof(Callbacks), GetModuleFunctionTable = &GetModuleFunctionTable };
        return made;
    }

    private static VersionInfo* MakeVersion()
    {
        var made = (VersionInfo*)NativeMemory.AllocZeroed((nuint)sizeof(VersionInfo));
        *made = new VersionInfo { Size = (nuint)sizeof(VersionInfo), Version = NvtxVersion, Reserved = 0, SetInjectionNvtxVersion = &SetInjectionNvtxVersion };
        return made;
    }

    private struct Callbacks
    {
        public nuint Size;
        public delegate* unmanaged[Cdecl]<int, nint**, uint*, int> GetModuleFunctionTable;
    }

    private struct VersionInfo
    {
        public nuint Size;
        public uint Version;
        public uint Reserved;
        public delegate* unmanaged[Cdecl]<uint, void> SetInjectionNvtxVersion;
    }
}
