using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Ptx;

/// <summary>Carries out a whole launch: lanes take turns between the places where they meet.</summary>
internal sealed class PtxLaunch(PtxProgram program, (uint X, uint Y, uint Z) grid, uint lanes)
{
    private readonly List<ulong> _parameters = [];
    private byte[] _memory = new byte[16];

    /// <summary>Passes a view: address and length. The result finds it again.</summary>
    public int View<T>(T[] data)
        where T : unmanaged
    {
        int address = _memory.Length;
        byte[] bytes = MemoryMarshal.AsBytes<T>(data).ToArray();
        _memory = [.. _memory, .. bytes, .. new byte[-bytes.Length & 15]];
        _parameters.AddRange([(ulong)address, (ulong)data.Length]);
        return address;
    }

    /// <summary>Passes a number.</summary>
    public void Number(long bits) => _parameters.Add((ulong)bits);

    /// <summary>Passes a number.</summary>
    public void Number(float value) => _parameters.Add(BitConverter.SingleToUInt32Bits(value));

    /// <summary>The contents of a view.</summary>
    public T[] Contents<T>(int address, int count)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_memory.AsSpan(address))[..count].ToArray();

    /// <summary>Runs every group.</summary>
    public void Run()
    {
        for (uint z = 0; z < grid.Z; z++)
        {
            for (uint y = 0; y < grid.Y; y++)
            {
                for (uint x = 0; x < grid.X; x++)
                {
                    RunGroup(x, y, z);
                }
            }
        }
    }

    private void RunGroup(uint x, uint y, uint z)
    {
        var shared = new byte[48 * 1024];
        PtxMachine[] machines =
        [
            .. Enumerable.Range(0, (int)lanes).Select(lane => new PtxMachine(program, _memory, [.. _parameters])
            {
                Shared = shared,
                Place = new()
                {
                    ["%tid.x"] = (uint)lane, ["%ntid.x"] = lanes, ["%ctaid.x"] = x, ["%ctaid.y"] = y, ["%ctaid.z"] = z,
                    ["%nctaid.x"] = grid.X, ["%nctaid.y"] = grid.Y, ["%nctaid.z"] = grid.Z,
                },
            }),
        ];
        while (true)
        {
            PtxLine?[] places = [.. machines.Select(machine => machine.RunToMeeting())];
            Assert.That(places, Is.All.SameAs(places[0]), "every lane reaches the same barrier or shuffle, or the end");
            if (places[0] is not { } meeting)
            {
                return;
            }

            switch (meeting.Name)
            {
                case "shfl":
                    PtxWarp.Shuffle(machines, meeting);
                    break;
                case "mma":
                    PtxWarp.MultiplyAdd(machines, meeting);
                    break;
                case "ldmatrix":
                    PtxWarp.LoadMatrix(machines, meeting);
                    break;
            }
        }
    }
}
