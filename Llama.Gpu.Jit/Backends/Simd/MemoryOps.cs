using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Simd;

/// <summary>
/// Loads and stores. Where all lanes have one address it is a scalar access; where their elements lie side by side, vectors are
/// loaded and taken apart; else each lane goes to its own address.
/// </summary>
internal static class MemoryOps
{
    /// <summary>A load whose address does not vary: read once.</summary>
    public static void ScalarLoad(LaneCode code, Instruction instruction)
    {
        IrType type = instruction.Type;
        for (int component = 0; component < type.Width; component++)
        {
            PushAddress(code, instruction.Operands[0], component * type.Scalar.Bytes);
            ScalarOps.Load(code.Il, type.Scalar, instruction.Immediate);
            code.Il.Emit(OpCodes.Stloc, code.Scalars(instruction)[component]);
        }
    }

    public static void Load(LaneCode code, Instruction instruction)
    {
        IrType type = instruction.Type;
        LaneShape shape = code.Shapes[instruction.Operands[0]];
        bool sideBySide = !shape.IsVarying && shape.Stride == type.Bytes;
        if (sideBySide && code.ActiveMask is null && type.Scalar.Bytes * 8 == type.ScalarBits && (type.ScalarBits <= 32 || type.Width == 1))
        {
            LoadSideBySide(code, instruction);
        }
        else if (sideBySide && code.ActiveMask is not null && type.Width == 1 && type.ScalarBits == 32)
        {
            PushAddress(code, instruction.Operands[0], 0);
            code.Il.Emit(OpCodes.Conv_U);
            code.Il.Emit(OpCodes.Ldloc, code.ActiveMask);
            code.Call(nameof(LaneFunctions512.MaskedLoad), typeof(byte*), code.Isa.Vector(typeof(int)));
            code.Reinterpret(typeof(int), LaneCode.Element(type));
            code.StoreVector(instruction, 0);
        }
        else if (code.ActiveMask is null && type.Bytes == 16 && type.ScalarBits <= 32)
        {
            LoadFours(code, instruction, shape);
        }
        else if (code.ActiveMask is null && type.ScalarBits == 32)
        {
            LoadApart(code, instruction, shape);
        }
        else
        {
            LaneLoop.Load(code, instruction);
        }
    }

    public static void Store(LaneCode code, Instruction instruction)
    {
        IrValue value = instruction.Operands[1];
        IrType type = value.Type;
        LaneShape shape = code.Shapes[instruction.Operands[0]];
        if (shape.IsUniform)
        {
            StoreOnce(code, instruction);
        }
        else if (!shape.IsVarying && type.Width == 4 && type.ScalarBits == 32 && code.ActiveMask is null)
        {
            PushAddress(code, instruction.Operands[0], 0);
            code.Il.Emit(OpCodes.Conv_U);
            code.Il.Emit(OpCodes.Ldc_I4, (int)shape.Stride);
            Type words = code.Isa.Vector(typeof(int));
            for (int component = 0; component < 4; component++)
            {
                code.PushVector(value, component);
                code.Reinterpret(LaneCode.Element(type), typeof(int));
            }

            code.Call(nameof(LaneFunctions512.StoreFours), typeof(byte*), typeof(int), words, words, words, words);
        }
        else if (shape.IsVarying || shape.Stride != type.Bytes || type.Width > 1)
        {
            LaneLoop.Store(code, instruction);
        }
        else if (code.ActiveMask is null)
        {
            StoreSideBySide(code, instruction);
        }
        else if (type.ScalarBits == 32)
        {
            PushAddress(code, instruction.Operands[0], 0);
            code.Il.Emit(OpCodes.Conv_U);
            code.Il.Emit(OpCodes.Ldloc, code.ActiveMask);
            code.PushVector(value);
            code.Reinterpret(LaneCode.Element(type), typeof(int));
            code.Call(nameof(LaneFunctions512.MaskedStore), typeof(byte*), code.Isa.Vector(typeof(int)), code.Isa.Vector(typeof(int)));
        }
        else
        {
            LaneLoop.Store(code, instruction);
        }
    }

    /// <summary>To the second-level cache: lines on their way to the first would hold back what is read meanwhile. Where addresses vary, nothing.</summary>
    public static void Prefetch(LaneCode code, Instruction instruction)
    {
        IrValue pointer = instruction.Operands[0];
        if (Sse.IsSupported && !code.Shapes[pointer].IsVarying)
        {
            PushAddress(code, pointer, 0);
            code.Il.Emit(OpCodes.Conv_U);
            code.Il.Emit(OpCodes.Call, typeof(Sse).GetMethod(nameof(Sse.Prefetch1))!);
        }
    }

    // one address for all lanes: the last active lane's value stays
    private static void StoreOnce(LaneCode code, Instruction instruction)
    {
        IrValue value = instruction.Operands[1];
        for (int component = 0; component < value.Type.Width; component++)
        {
            PushAddress(code, instruction.Operands[0], component * value.Type.Scalar.Bytes);
            code.Il.Emit(OpCodes.Conv_U);
            if (code.Shapes[value].IsUniform)
            {
                code.PushScalar(value, component);
            }
            else
            {
                LaneLoop.PushLastLane(code, value, component);
            }

            ScalarOps.Store(code.Il, value.Type, instruction.Immediate);
        }
    }

    private static void StoreSideBySide(LaneCode code, Instruction instruction)
    {
        IrValue value = instruction.Operands[1];
        IrType type = value.Type;
        switch (type.Kind)
        {
            case IrKind.I1 or IrKind.I8 or IrKind.I16:
                code.PushVector(value);
                if (type.Kind == IrKind.I1)
                {
                    code.Call("Negate", code.Vector(type));
                }

                PushAddress(code, instruction.Operands[0], 0);
                code.Il.Emit(OpCodes.Conv_U);
                code.Call(
                    type.Kind == IrKind.I16 ? nameof(LaneFunctions512.StoreI16) : nameof(LaneFunctions512.StoreI8), code.Vector(type), typeof(byte*));
                break;
            default:
                for (int part = 0; part < LaneCode.Parts(type); part++)
                {
                    PushAddress(code, instruction.Operands[0], part * code.Isa.Bytes);
                    code.Il.Emit(OpCodes.Conv_U);
                    code.PushVector(value, part);
                    code.Il.Emit(OpCodes.Unaligned, (byte)1);
                    code.Il.Emit(OpCodes.Stobj, code.Vector(type));
                }

                break;
        }
    }

    private static void LoadSideBySide(LaneCode code, Instruction instruction)
    {
        IrType type = instruction.Type;
        IrValue pointer = instruction.Operands[0];
        if (type.Bytes < 4)
        {
            LoadSmall(code, instruction);
            return;
        }

        if (type.Width == 1)
        {
            for (int part = 0; part < LaneCode.Parts(type); part++)
            {
                PushAddress(code, pointer, part * code.Isa.Bytes);
                LoadVector(code, code.Vector(type));
                code.StoreVector(instruction, part);
            }

            return;
        }

        // as 32-bit elements, every lane's first, second, ... in a vector of its own
        Type words = code.Isa.Vector(typeof(int));
        var loaded = new List<LocalBuilder>();
        for (int i = 0; i < type.Bytes / 4; i++)
        {
            PushAddress(code, pointer, i * code.Isa.Bytes);
            LoadVector(code, words);
            loaded.Add(code.Borrow(words));
            code.Il.Emit(OpCodes.Stloc, loaded[i]);
        }

        StoreWords(code, instruction, Deinterleave(code, loaded));
    }

    // 16 bytes a lane, anywhere: a lane's piece is loaded at once, and the pieces of all lanes are turned round
    private static void LoadFours(LaneCode code, Instruction instruction, LaneShape shape)
    {
        IrValue pointer = instruction.Operands[0];
        if (shape.IsVarying)
        {
            Type addresses = code.Vector(pointer.Type);
            for (int part = 0; part < 2; part++)
            {
                code.PushScratch(1, part * code.Isa.Bytes);
                code.PushVector(pointer, part);
                code.Il.Emit(OpCodes.Unaligned, (byte)1);
                code.Il.Emit(OpCodes.Stobj, addresses);
            }

            code.PushScratch(1);
            code.PushScratch(0);
            code.Call(nameof(LaneFunctions512.LoadFours), typeof(byte*), typeof(byte*));
        }
        else
        {
            PushAddress(code, pointer, 0);
            code.Il.Emit(OpCodes.Conv_U);
            code.Il.Emit(OpCodes.Ldc_I4, (int)shape.Stride);
            code.PushScratch(0);
            code.Call(nameof(LaneFunctions512.LoadFoursStrided), typeof(byte*), typeof(int), typeof(byte*));
        }

        Type words = code.Isa.Vector(typeof(int));
        var loaded = new LocalBuilder[4];
        for (int i = 0; i < loaded.Length; i++)
        {
            code.PushScratch(0, i * code.Isa.Bytes);
            code.Il.Emit(OpCodes.Unaligned, (byte)1);
            code.Il.Emit(OpCodes.Ldobj, words);
            loaded[i] = code.Borrow(words);
            code.Il.Emit(OpCodes.Stloc, loaded[i]);
        }

        StoreWords(code, instruction, loaded);
    }

    // every lane's first, second, ... 32 bits as the components of a value
    private static void StoreWords(LaneCode code, Instruction instruction, LocalBuilder[] words)
    {
        IrType type = instruction.Type;
        int perWord = 4 / type.Scalar.Bytes;
        for (int component = 0; component < type.Width; component++)
        {
            code.Il.Emit(OpCodes.Ldloc, words[component / perWord]);
            int shift = component % perWord * type.ScalarBits;
            if (shift != 0)
            {
                VectorOps.Shift(code, "ShiftRightLogical", shift);
            }

            code.Reinterpret(typeof(int), LaneCode.Element(type));
            code.StoreVector(instruction, component);
        }

        Array.ForEach(words, code.Return);
    }

    // vectors that hold 0 1 2 3 ... in order: those of the even places, taken apart further, alternate with those of the odd
    private static LocalBuilder[] Deinterleave(LaneCode code, IReadOnlyList<LocalBuilder> vectors)
    {
        if (vectors.Count == 1)
        {
            return [vectors[0]];
        }

        LocalBuilder[][] halves = [.. new[] { nameof(LaneFunctions512.Even), nameof(LaneFunctions512.Odd) }.Select(half =>
        {
            var found = new LocalBuilder[vectors.Count / 2];
            for (int i = 0; i < found.Length; i++)
            {
                code.Il.Emit(OpCodes.Ldloc, vectors[2 * i]);
                code.Il.Emit(OpCodes.Ldloc, vectors[(2 * i) + 1]);
                code.Call(half, vectors[0].LocalType, vectors[0].LocalType);
                found[i] = code.Borrow(vectors[0].LocalType);
                code.Il.Emit(OpCodes.Stloc, found[i]);
            }

            return found;
        })];
        foreach (LocalBuilder vector in vectors)
        {
            code.Return(vector);
        }

        LocalBuilder[] even = Deinterleave(code, halves[0]);
        LocalBuilder[] odd = Deinterleave(code, halves[1]);
        return [.. even.Zip(odd, (first, second) => new[] { first, second }).SelectMany(pair => pair)];
    }

    // one, two or three bytes a lane
    private static void LoadSmall(LaneCode code, Instruction instruction)
    {
        PushAddress(code, instruction.Operands[0], 0);
        code.Il.Emit(OpCodes.Conv_U);
        code.Call(instruction.Type.Bytes == 1 ? nameof(LaneFunctions512.LoadI8) : nameof(LaneFunctions512.LoadI16), typeof(byte*));
        if (instruction.Type.Width == 1)
        {
            code.StoreVector(instruction, 0);
            return;
        }

        LocalBuilder both = code.Borrow(code.Isa.Vector(typeof(int)));
        code.Il.Emit(OpCodes.Stloc, both);
        for (int component = 0; component < 2; component++)
        {
            code.Il.Emit(OpCodes.Ldloc, both);
            VectorOps.Shift(code, "ShiftRightLogical", 8 * component);
            code.StoreVector(instruction, component);
        }

        code.Return(both);
    }

    // 32-bit elements, all lanes active, anywhere
    private static void LoadApart(LaneCode code, Instruction instruction, LaneShape shape)
    {
        IrType type = instruction.Type;
        IrValue pointer = instruction.Operands[0];
        for (int component = 0; component < type.Width; component++)
        {
            if (shape.IsVarying)
            {
                for (int part = 0; part < 2; part++)
                {
                    code.PushVector(pointer, part);
                    if (component > 0)
                    {
                        code.Il.Emit(OpCodes.Ldc_I8, (long)component * 4);
                        code.Call("Create", typeof(long));
                        code.Call("Add", code.Vector(pointer.Type), code.Vector(pointer.Type));
                    }
                }

                code.Call(nameof(LaneFunctions512.Gather), code.Vector(pointer.Type), code.Vector(pointer.Type));
            }
            else
            {
                PushAddress(code, pointer, component * 4);
                code.Il.Emit(OpCodes.Conv_U);
                code.Il.Emit(OpCodes.Ldc_I4, (int)shape.Stride);
                code.Call(nameof(LaneFunctions512.LoadStrided), typeof(byte*), typeof(int));
            }

            code.Reinterpret(typeof(int), LaneCode.Element(type));
            code.StoreVector(instruction, component);
        }
    }

    private static void LoadVector(LaneCode code, Type vector)
    {
        code.Il.Emit(OpCodes.Conv_U);
        code.Il.Emit(OpCodes.Unaligned, (byte)1);
        code.Il.Emit(OpCodes.Ldobj, vector);
    }

    private static void PushAddress(LaneCode code, IrValue pointer, int offset)
    {
        code.PushScalar(pointer);
        if (offset != 0)
        {
            code.Il.Emit(OpCodes.Ldc_I8, (long)offset);
            code.Il.Emit(OpCodes.Add);
        }
    }
}
