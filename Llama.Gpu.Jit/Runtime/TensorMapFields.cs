using System.Runtime.InteropServices;

namespace Llama.Gpu.Jit.Runtime;

/// <summary>A <see cref="TensorMap{T}"/> as a launch passes it on.</summary>
/// <param name="Address">Of the first element.</param>
/// <param name="Rows">Rows of the matrix.</param>
/// <param name="Columns">Columns of the matrix.</param>
/// <param name="BoxRows">Rows of a box.</param>
/// <param name="IsBFloat16">Whether elements are bf16, and not f16.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TensorMapFields(long Address, int Rows, int Columns, int BoxRows, bool IsBFloat16);
