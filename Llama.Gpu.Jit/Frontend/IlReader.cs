using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;

namespace Llama.Gpu.Jit.Frontend;

/// <summary>One IL instruction.</summary>
/// <param name="Offset">Where it begins in the method's body.</param>
/// <param name="Code">The operation.</param>
/// <param name="Operand">Constant (floats as their bits), index of a variable, token, or offset of a branch's target.</param>
/// <param name="Targets">Offsets of a switch's targets; else empty.</param>
internal readonly record struct IlInstruction(int Offset, ILOpCode Code, long Operand, int[] Targets);

/// <summary>Takes the bytes of a method's body apart.</summary>
internal static class IlReader
{
    private static readonly Dictionary<ILOpCode, OperandType> Operands = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => (ILOpCode)(ushort)code.Value, code => code.OperandType);

    public static List<IlInstruction> Read(byte[] body)
    {
        var instructions = new List<IlInstruction>();
        int position = 0;
        while (position < body.Length)
        {
            int offset = position;
            int code = body[position++];
            if (code == 0xFE)
            {
                code = (code << 8) | body[position++];
            }

            var bytes = body.AsSpan(position);
            OperandType kind = Operands[(ILOpCode)code];
            int[] targets = [];
            if (kind == OperandType.InlineSwitch)
            {
                int end = position + 4 + (4 * BinaryPrimitives.ReadInt32LittleEndian(bytes));
                targets = new int[BinaryPrimitives.ReadInt32LittleEndian(bytes)];
                for (int i = 0; i < targets.Length; i++)
                {
                    targets[i] = end + BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 + (4 * i))..]);
                }

                position = end;
            }
            else
            {
                position += Size(kind);
            }

            instructions.Add(new(offset, (ILOpCode)code, Operand(kind, bytes, position), targets));
        }

        return instructions;
    }

    private static int Size(OperandType kind) => kind switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineI or OperandType.ShortInlineVar or OperandType.ShortInlineBrTarget => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    private static long Operand(OperandType kind, ReadOnlySpan<byte> bytes, int next) => kind switch
    {
        OperandType.InlineNone or OperandType.InlineSwitch => 0,
        OperandType.ShortInlineBrTarget => next + (sbyte)bytes[0],
        OperandType.InlineBrTarget => next + BinaryPrimitives.ReadInt32LittleEndian(bytes),
        OperandType.ShortInlineI => (sbyte)bytes[0],
        OperandType.ShortInlineVar => bytes[0],
        OperandType.InlineVar => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        OperandType.InlineI8 or OperandType.InlineR => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        _ => BinaryPrimitives.ReadInt32LittleEndian(bytes),
    };
}
