using System.Globalization;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>Tensor cores and asynchronous copies.</summary>
internal static class PtxTensorCores
{
    /// <summary>The text of a product of tiles.</summary>
    /// <param name="element">Elements of A and B.</param>
    /// <param name="result">Four registers.</param>
    /// <param name="operands">Four registers of A, two of B, four of C; a constant is a number.</param>
    /// <param name="registers">Where a constant gets a register, as this instruction takes nothing else.</param>
    public static string Multiply(MatrixElement element, string[] result, string[][] operands, PtxRegisters registers)
    {
        string type = element == MatrixElement.Half ? "f16" : "bf16";
        string moves = string.Empty;
        string Registers(string[] names, IrType scalar) => List([.. names.Select(name => Register(name, scalar))]);
        string Register(string name, IrType scalar)
        {
            if (name[0] == '%')
            {
                return name;
            }

            string register = registers.New(scalar);
            moves += $"mov.b32 {register}, {name};\n";
            return register;
        }

        string a = Registers(operands[0], IrType.I32);
        string b = Registers(operands[1], IrType.I32);
        string c = Registers(operands[2], IrType.F32);
        return $"{moves}mma.sync.aligned.m16n8k16.row.col.f32.{type}.{type}.f32 {List(result)}, {a}, {b}, {c};";
    }

    /// <summary>The text of a load of as many matrices as there are results.</summary>
    public static string Load(bool transposed, string[] result, string address) => string.Create(
        CultureInfo.InvariantCulture,
        $"ldmatrix.sync.aligned.m8n8.x{result.Length}{(transposed ? ".trans" : string.Empty)}.shared.b16 {List(result)}, [{address}];");

    /// <summary>The text of a copy. Those of 16 bytes go past the first-level cache, where nothing else would use them.</summary>
    /// <param name="bytes">4, 8 or 16.</param>
    /// <param name="target">Address in shared memory.</param>
    /// <param name="source">Address in global memory.</param>
    /// <param name="read">Bytes that are read: a register or a number.</param>
    public static string Copy(long bytes, string target, string source, string read)
    {
        string size = bytes.ToString(CultureInfo.InvariantCulture);
        string rest = read == size ? string.Empty : $", {read}";
        return $"cp.async.{(bytes == 16 ? "cg" : "ca")}.shared.global [{target}], [{source}], {size}{rest};";
    }

    private static string List(string[] names) => $"{{{string.Join(", ", names)}}}";
}
