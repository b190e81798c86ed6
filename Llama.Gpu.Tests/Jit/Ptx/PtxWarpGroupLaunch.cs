using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Carries out a launch in which warps go ways of their own: each lane runs until it meets others or a phase is not complete.</summary>
internal sealed class PtxWarpGroupLaunch(PtxProgram program, uint groups, uint lanes, uint cluster = 1)
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
        for (uint x = 0; x < groups; x += cluster)
        {
            RunCluster(x);
        }
    }

    private void RunCluster(uint x)
    {
        PtxMachine[][] machines = [.. Enumerable.Range(0, (int)cluster).Select(rank => Machines(x, (uint)rank))];
        PtxWarpGroups[] operations = [.. machines.Select(group => group[0].WarpGroups!)];
        Array.ForEach(operations, group => group.Cluster = operations);
        Run([.. machines.SelectMany(group => group)], operations);
    }

    private PtxMachine[] Machines(uint x, uint rank)
    {
        var shared = new byte[227 * 1024];
        var operations = new PtxWarpGroups(_memory, shared, _maps);
        return
        [
            .. Enumerable.Range(0, (int)lanes).Select(lane => new PtxMachine(program, _memory, [.. _parameters])
            {
                Shared = shared,
                WarpGroups = operations,
                Place = new()
                {
                    ["%tid.x"] = (uint)lane, ["%ntid.x"] = lanes, ["%ctaid.x"] = x + rank, ["%nctaid.x"] = groups, ["%cluster_ctarank"] = rank,
                },
            }),
        ];
    }

    // the lanes of a cluster, group after group
    private void Run(PtxMachine[] machines, PtxWarpGroups[] operations)
    {
        var places = new PtxLine?[machines.Length];
        bool[] ready = [.. machines.Select(_ => true)];
        bool[] over = new bool[machines.Length];
        while (!over.All(done => done))
        {
            int passed = operations.Sum(group => group.Passed);
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

            moved |= Meet(machines, places, ready, (int)lanes, "bar", static (_, _) => { });
            moved |= Meet(machines, places, ready, machines.Length, "barrier", static (_, _) => { });
            moved |= Meet(machines, places, ready, 128, "wgmma", PtxWarpGroups.Multiply);
            moved |= Meet(machines, places, ready, 32, "shfl", PtxWarp.Shuffle);
            Assert.That(moved || passed != operations.Sum(group => group.Passed), "some lane goes on");
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
