using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Carries out a launch in which warps go ways of their own: each lane runs until it meets others or a phase is not complete.</summary>
internal sealed class PtxWarpGroupLaunch(PtxProgram program, uint groups, uint lanes)
{
    private const int Alignment = 16;

    private readonly List<ulong> _parameters = [];
    private readonly List<PtxTensorMap> _maps = [];
    private byte[] _memory = new byte[Alignment];

    /// <summary>Puts elements in global memory.</summary>
    public int Place<T>(T[] data)
        where T : unmanaged
    {
        int address = _memory.Length;
        byte[] bytes = MemoryMarshal.AsBytes<T>(data).ToArray();
        _memory = [.. _memory, .. bytes, .. new byte[-bytes.Length & (Alignment - 1)]];
        return address;
    }

    /// <summary>Passes a tensor map; its number stands for its address.</summary>
    public void Map(PtxTensorMap map)
    {
        _parameters.Add((ulong)_maps.Count);
        _maps.Add(map);
    }

    /// <summary>Passes a number.</summary>
    public void Number(long bits) => _parameters.Add((ulong)bits);

    /// <summary>Passes a view: address and length.</summary>
    public int View<T>(T[] data)
        where T : unmanaged
    {
        int address = Place(data);
        Number(address);
        Number(data.Length);
        return address;
    }

    public T[] Contents<T>(int address, int count)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_memory.AsSpan(address))[..count].ToArray();

    public void Run()
    {
        for (uint x = 0; x < groups; x++)
        {
            RunGroup(x);
        }
    }

    private void RunGroup(uint x)
    {
        var shared = new byte[227 * 1024];
        var operations = new PtxWarpGroups(_memory, _maps);
        PtxMachine[] machines =
        [
            .. Enumerable.Range(0, (int)lanes).Select(lane => new PtxMachine(program, _memory, [.. _parameters])
            {
                Shared = shared,
                WarpGroups = operations,
                Place = new() { ["%tid.x"] = (uint)lane, ["%ntid.x"] = lanes, ["%ctaid.x"] = x, ["%nctaid.x"] = groups },
            }),
        ];
        var places = new PtxLine?[machines.Length];
        bool[] ready = [.. machines.Select(_ => true)];
        bool[] over = new bool[machines.Length];
        while (!over.All(done => done))
        {
            int passed = operations.Passed;
            bool moved = false;
            for (int lane = 0; lane < machines.Length; lane++)
            {
                if (ready[lane])
                {
                    moved |= places[lane]?.Name != "mbarrier";
                    places[lane] = machines[lane].RunToMeeting();
                    over[lane] = places[lane] is null;
                    ready[lane] = places[lane]?.Name == "mbarrier";
                }
            }

            moved |= Meet(machines, places, ready, machines.Length, "bar", static (_, _) => { });
            moved |= Meet(machines, places, ready, 128, "wgmma", PtxWarpGroups.Multiply);
            moved |= Meet(machines, places, ready, 32, "shfl", PtxWarp.Shuffle);
            Assert.That(moved || passed != operations.Passed, "some lane goes on");
        }
    }

    // lanes that have all come to the same place
    private static bool Meet(PtxMachine[] machines, PtxLine?[] places, bool[] ready, int together, string name, Action<PtxMachine[], PtxLine> act)
    {
        bool met = false;
        for (int first = 0; first < machines.Length; first += together)
        {
            PtxLine? line = places[first];
            if (line?.Name == name && places[first..(first + together)].All(place => ReferenceEquals(place, line)) && !ready[first])
            {
                act(machines[first..(first + together)], line);
                Array.Fill(ready, true, first, together);
                met = true;
            }
        }

        return met;
    }
}
