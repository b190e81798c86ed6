using System.Globalization;
using System.Text;
using Llama.Gpu.Jit.Ir;

namespace Llama.Gpu.Jit.Backends.Ptx;

/// <summary>
/// Functions that PTX has no exact instruction for, written out in operations that round as IEEE 754 says, so that their errors
/// are known without a device (<see cref="ErrorOf"/>). Exponentials of f32 are computed in f32, as softmax and SwiGLU use them
/// much; the other functions of f32 in f64.
/// </summary>
internal static class PtxFunctions
{
    /// <summary>f32 to bf16 bits for targets without the instruction: adds just under half of the last place, or just half if it is odd.</summary>
    public const string RoundToBFloat16 = """
        {
        .reg .pred nan;
        .reg .b32 number, upper, bias;
        mov.b32 number, $0;
        shr.u32 upper, number, 16;
        and.b32 bias, upper, 1;
        add.u32 bias, bias, 32767;
        add.u32 number, number, bias;
        shr.u32 number, number, 16;
        or.b32 upper, upper, 64;
        setp.nan.f32 nan, $0, $0;
        selp.b32 number, upper, number, nan;
        cvt.u16.u32 $d, number;
        }
        """;

    // adding it to a number below 2^22 rounds to an integer, which then stands in the low bits
    private const float Magic = 12582912f;
    private const string WideNaN = "0d7FF8000000000000";

    // what the double ln 2 lacks of ln 2
    private const double LowOfLog2 = 2.3190468138462996e-17;

    // (e^r - 1 - r) / r^2 and (2^r - 1) / r for |r| <= ln 2 / 2 and 1/2: interpolated at the Chebyshev nodes
    private static readonly float[] ExpTail = [0.5f, 0.16666576266288757f, 0.04166655242443085f, 0.00836323294788599f, 0.0013926250394433737f];

    private static readonly float[] Exp2Tail =
        [0.6931471824645996f, 0.24022650718688965f, 0.055503569543361664f, 0.009618082083761692f, 0.0013390978565439582f, 0.00015453262312803417f];

    /// <summary>
    /// The largest error in units in the last place of the result, for any argument unless the note says otherwise; checked in
    /// the tests by carrying out the text.
    /// </summary>
    public static double ErrorOf(Op op, IrType type) => (op, type.Kind) switch
    {
        (Op.Rsqrt, _) => 1.5, // two roundings, as 1 / sqrt(x) in C#
        (Op.Exp or Op.Exp2, IrKind.F32) => 1.1,
        (_, IrKind.F32) => 0.51, // sine and cosine: up to 2^30
        (Op.Pow, _) => 2048, // the logarithm's error times the exponent
        (Op.Sin or Op.Cos, _) => 4, // up to 2^20, and not where the result is near 0
        _ => 4,
    };

    /// <summary>The text of a function.</summary>
    public static string Text(Op op, IrType type) => (op, type.Kind) switch
    {
        (Op.Rsqrt, IrKind.F32) => "{\n.reg .f32 root;\nsqrt.rn.f32 root, $0;\nrcp.rn.f32 $d, root;\n}",
        (Op.Rsqrt, _) => "{\n.reg .f64 root;\nsqrt.rn.f64 root, $0;\nrcp.rn.f64 $d, root;\n}",
        (Op.Exp, IrKind.F32) => SingleExp,
        (Op.Exp2, IrKind.F32) => SingleExp2,
        (Op.Pow, IrKind.F32) => $$"""
            {
            .reg .f64 wide, power, value;
            cvt.f64.f32 wide, $0;
            cvt.f64.f32 power, $1;
            {{Wide(op, "value", "wide", "power")}}
            cvt.rn.f32.f64 $d, value;
            }
            """,
        (_, IrKind.F32) => $$"""
            {
            .reg .f64 wide, value;
            cvt.f64.f32 wide, $0;
            {{Wide(op, "value", "wide")}}
            cvt.rn.f32.f64 $d, value;
            }
            """,
        _ => Wide(op, "$d", "$0", "$1"),
    };

    /// <summary>
    /// The remainder, exactly: doubles the divisor while it goes into what is left, then halves it back and takes it away
    /// wherever it goes. Every step is exact.
    /// </summary>
    public static string Remainder(string type)
    {
        bool single = type == "f32";
        string zero = single ? Number(0f) : Number(0.0);
        string half = single ? Number(0.5f) : Number(0.5);
        string infinity = single ? Number(float.PositiveInfinity) : Number(double.PositiveInfinity);
        string nan = single ? "0f7FC00000" : WideNaN;
        return $$"""
            {
            .reg .pred sound, more, goes;
            .reg .{{type}} left, divisor, multiple, twice, less;
            abs.{{type}} left, $0;
            abs.{{type}} divisor, $1;
            setp.lt.{{type}} sound, left, {{infinity}};
            setp.gt.{{type}} goes, divisor, {{zero}};
            and.pred sound, sound, goes;
            @!sound mov.{{type}} left, {{nan}};
            @!sound bra DONE;
            setp.lt.{{type}} more, left, divisor;
            @more bra DONE;
            mov.{{type}} multiple, divisor;
            GROW:
            add.rn.{{type}} twice, multiple, multiple;
            setp.le.{{type}} more, twice, left;
            @more mov.{{type}} multiple, twice;
            @more bra GROW;
            SHRINK:
            setp.ge.{{type}} goes, left, multiple;
            sub.rn.{{type}} less, left, multiple;
            selp.{{type}} left, less, left, goes;
            mul.rn.{{type}} multiple, multiple, {{half}};
            setp.ge.{{type}} more, multiple, divisor;
            @more bra SHRINK;
            DONE:
            copysign.{{type}} $d, $0, left;
            }
            """;
    }

    // e^x = 2^n e^r; the two factors of 2^n are both normal, so that a subnormal result is rounded once
    private static readonly string SingleExp = $$"""
        {
        .reg .pred nan;
        .reg .f32 x, n, shifted, r, square, p, scale;
        .reg .b32 whole, half;
        max.f32 x, $0, {{Number(-104f)}};
        min.f32 x, x, {{Number(89f)}};
        fma.rn.f32 shifted, x, {{Number(1.44269502f)}}, {{Number(Magic)}};
        sub.rn.f32 n, shifted, {{Number(Magic)}};
        fma.rn.f32 r, n, {{Number(-0.693147182f)}}, x;
        fma.rn.f32 r, n, {{Number(1.90465421e-9f)}}, r;
        {{Horner("f32", "p", "r", [.. ExpTail.Select(Number)])}}
        mul.rn.f32 square, r, r;
        fma.rn.f32 p, p, square, r;
        add.rn.f32 p, p, {{Number(1f)}};
        {{ScaleSingle}}
        }
        """;

    private static readonly string SingleExp2 = $$"""
        {
        .reg .pred nan;
        .reg .f32 x, n, shifted, r, p, scale;
        .reg .b32 whole, half;
        max.f32 x, $0, {{Number(-151f)}};
        min.f32 x, x, {{Number(129f)}};
        add.rn.f32 shifted, x, {{Number(Magic)}};
        sub.rn.f32 n, shifted, {{Number(Magic)}};
        sub.rn.f32 r, x, n;
        {{Horner("f32", "p", "r", [.. Exp2Tail.Select(Number)])}}
        fma.rn.f32 p, p, r, {{Number(1f)}};
        {{ScaleSingle}}
        }
        """;

    private static string ScaleSingle => """
        mov.b32 whole, shifted;
        sub.s32 whole, whole, 1262485504;
        shr.s32 half, whole, 1;
        sub.s32 whole, whole, half;
        shl.b32 half, half, 23;
        add.s32 half, half, 1065353216;
        shl.b32 whole, whole, 23;
        add.s32 whole, whole, 1065353216;
        mov.b32 scale, half;
        mul.rn.f32 p, p, scale;
        mov.b32 scale, whole;
        mul.rn.f32 p, p, scale;
        setp.nan.f32 nan, $0, $0;
        selp.f32 $d, $0, p, nan;
        """;

    private static string Wide(Op op, string result, string value, string power = "") => op switch
    {
        Op.Exp => WideExp(result, value, Math.Log2(Math.E), Math.Log(2), LowOfLog2),
        Op.Exp2 => WideExp(result, value, 1, 1, 0),
        Op.Log => WideLog(result, value, Math.Log(2), LowOfLog2, 1),
        Op.Log2 => WideLog(result, value, 1, 0, Math.Log2(Math.E)),
        Op.Sin => WideSine(result, value, quarter: 0),
        Op.Cos => WideSine(result, value, quarter: 1),
        Op.Tanh => WideTanh(result, value),
        _ => WidePow(result, value, power),
    };

    // base^x with n = rint(x * toTwo) and x = n * (step + stepLow) + r; e^(r) or 2^(r) by Taylor's series
    private static string WideExp(string result, string value, double toTwo, double step, double stepLow)
    {
        string[] series = [.. Factorials(15).Select((term, k) => Number(term * Math.Pow(Math.Log(2) / step, k)))];
        return $$"""
            {
            .reg .pred nan;
            .reg .f64 x, n, r, p, scale;
            .reg .b32 whole, half;
            .reg .b64 long;
            max.f64 x, {{value}}, {{Number(-1080 * step)}};
            min.f64 x, x, {{Number(1030 * step)}};
            mul.rn.f64 n, x, {{Number(toTwo)}};
            cvt.rni.f64.f64 n, n;
            fma.rn.f64 r, n, {{Number(-step)}}, x;
            fma.rn.f64 r, n, {{Number(-stepLow)}}, r;
            {{Horner("f64", "p", "r", series)}}
            cvt.rzi.s32.f64 whole, n;
            shr.s32 half, whole, 1;
            sub.s32 whole, whole, half;
            {{PowerOfTwo("half")}}
            mul.rn.f64 p, p, scale;
            {{PowerOfTwo("whole")}}
            mul.rn.f64 p, p, scale;
            setp.nan.f64 nan, {{value}}, {{value}};
            selp.f64 {{result}}, {{value}}, p, nan;
            }
            """;
    }

    private static string PowerOfTwo(string exponent) => $"""
        cvt.s64.s32 long, {exponent};
        add.s64 long, long, 1023;
        shl.b64 long, long, 52;
        mov.b64 scale, long;
        """;

    // log x = e * unit + 2 atanh(s) * factor with x = 2^e m, m from sqrt(1/2) to sqrt(2), s = (m - 1) / (m + 1)
    private static string WideLog(string result, string value, double unit, double unitLow, double factor)
    {
        string[] series = [.. Enumerable.Range(1, 11).Select(i => Number(2.0 / ((2 * i) + 1)))];
        return $$"""
            {
            .reg .pred condition;
            .reg .f64 x, m, e, s, square, p, plus, minus;
            .reg .b64 pattern, exponent, scaled;
            setp.lt.f64 condition, {{value}}, {{Number(2.2250738585072014e-308)}};
            mul.rn.f64 x, {{value}}, {{Number(Math.ScaleB(1, 54))}};
            selp.f64 x, x, {{value}}, condition;
            selp.b64 scaled, 54, 0, condition;
            mov.b64 pattern, x;
            sub.s64 exponent, pattern, {{BitConverter.DoubleToInt64Bits(Math.Sqrt(0.5))}};
            shr.s64 exponent, exponent, 52;
            sub.s64 scaled, exponent, scaled;
            shl.b64 exponent, exponent, 52;
            sub.s64 pattern, pattern, exponent;
            mov.b64 m, pattern;
            cvt.rn.f64.s64 e, scaled;
            add.rn.f64 plus, m, {{Number(1.0)}};
            sub.rn.f64 minus, m, {{Number(1.0)}};
            div.rn.f64 s, minus, plus;
            mul.rn.f64 square, s, s;
            {{Horner("f64", "p", "square", series)}}
            mul.rn.f64 p, p, square;
            mul.rn.f64 p, p, s;
            fma.rn.f64 p, s, {{Number(2.0)}}, p;
            mul.rn.f64 p, p, {{Number(factor)}};
            fma.rn.f64 p, e, {{Number(unitLow)}}, p;
            fma.rn.f64 p, e, {{Number(unit)}}, p;
            setp.lt.f64 condition, {{value}}, {{Number(double.PositiveInfinity)}};
            selp.f64 p, p, {{value}}, condition;
            setp.ge.f64 condition, {{value}}, {{Number(0.0)}};
            selp.f64 p, p, {{WideNaN}}, condition;
            setp.eq.f64 condition, {{value}}, {{Number(0.0)}};
            selp.f64 {{result}}, {{Number(double.NegativeInfinity)}}, p, condition;
            }
            """;
    }

    // the quarter turn that the angle is nearest to chooses sine or cosine of what is left, and the sign
    private static string WideSine(string result, string value, int quarter)
    {
        string[] sine = Series(1, 8);
        string[] cosine = Series(0, 9);
        return $$"""
            {
            .reg .pred odd;
            .reg .f64 n, r, square, sine, cosine;
            .reg .b64 turn, bits;
            mul.rn.f64 n, {{value}}, {{Number(2 / Math.PI)}};
            cvt.rni.f64.f64 n, n;
            cvt.rzi.s64.f64 turn, n;
            add.s64 turn, turn, {{quarter}};
            fma.rn.f64 r, n, {{Number(-1.5707963267948966)}}, {{value}};
            fma.rn.f64 r, n, {{Number(-6.123233995736766e-17)}}, r;
            mul.rn.f64 square, r, r;
            {{Horner("f64", "sine", "square", sine)}}
            mul.rn.f64 sine, sine, r;
            {{Horner("f64", "cosine", "square", cosine)}}
            and.b64 bits, turn, 1;
            setp.eq.s64 odd, bits, 1;
            selp.f64 sine, cosine, sine, odd;
            mov.b64 bits, sine;
            shl.b64 turn, turn, 62;
            and.b64 turn, turn, {{long.MinValue}};
            xor.b64 bits, bits, turn;
            mov.b64 {{result}}, bits;
            }
            """;
    }

    // the signed coefficients of sine (first = 1) or cosine (first = 0) in the square of the angle
    private static string[] Series(int first, int count)
    {
        var series = new string[count];
        double term = 1;
        for (int i = 0; i < count; i++)
        {
            series[i] = Number(term);
            int power = first + (2 * i);
            term /= -((power + 1.0) * (power + 2.0));
        }

        return series;
    }

    // tanh x = d / (d + 2) with d = e^2x - 1 = 2^n (e^r - 1) + (2^n - 1), which keeps small arguments exact
    private static string WideTanh(string result, string value)
    {
        string[] series = [.. Factorials(15).Skip(1).Select(Number)];
        return $$"""
            {
            .reg .pred nan;
            .reg .f64 x, n, r, p, scale, less;
            .reg .b32 whole;
            .reg .b64 long;
            abs.f64 x, {{value}};
            min.f64 x, x, {{Number(22.0)}};
            add.rn.f64 x, x, x;
            mul.rn.f64 n, x, {{Number(Math.Log2(Math.E))}};
            cvt.rni.f64.f64 n, n;
            fma.rn.f64 r, n, {{Number(-Math.Log(2))}}, x;
            fma.rn.f64 r, n, {{Number(-LowOfLog2)}}, r;
            {{Horner("f64", "p", "r", series)}}
            mul.rn.f64 p, p, r;
            cvt.rzi.s32.f64 whole, n;
            {{PowerOfTwo("whole")}}
            sub.rn.f64 less, scale, {{Number(1.0)}};
            fma.rn.f64 p, p, scale, less;
            add.rn.f64 less, p, {{Number(2.0)}};
            div.rn.f64 p, p, less;
            copysign.f64 p, {{value}}, p;
            setp.nan.f64 nan, {{value}}, {{value}};
            selp.f64 {{result}}, {{value}}, p, nan;
            }
            """;
    }

    // |x|^y = 2^(y log2 |x|); then the cases in which the sign or a limit decides, as C# has them
    private static string WidePow(string result, string value, string power) => $$"""
        {
        .reg .pred condition, negative, integer, odd, finite;
        .reg .f64 size, logarithm, product, raised, nearest, halved;
        abs.f64 size, {{value}};
        {{Wide(Op.Log2, "logarithm", "size")}}
        mul.rn.f64 product, logarithm, {{power}};
        {{Wide(Op.Exp2, "raised", "product")}}
        setp.eq.f64 condition, size, {{Number(1.0)}};
        selp.f64 raised, {{Number(1.0)}}, raised, condition;
        cvt.rni.f64.f64 nearest, {{power}};
        setp.eq.f64 integer, nearest, {{power}};
        mul.rn.f64 halved, {{power}}, {{Number(0.5)}};
        cvt.rni.f64.f64 nearest, halved;
        setp.ne.f64 odd, nearest, halved;
        and.pred odd, odd, integer;
        copysign.f64 halved, {{value}}, raised;
        selp.f64 raised, halved, raised, odd;
        setp.lt.f64 negative, {{value}}, {{Number(0.0)}};
        setp.lt.f64 finite, size, {{Number(double.PositiveInfinity)}};
        and.pred negative, negative, finite;
        not.pred integer, integer;
        and.pred negative, negative, integer;
        selp.f64 raised, {{WideNaN}}, raised, negative;
        setp.nan.f64 condition, {{value}}, {{power}};
        selp.f64 raised, {{WideNaN}}, raised, condition;
        setp.eq.f64 condition, {{value}}, {{Number(1.0)}};
        selp.f64 raised, {{Number(1.0)}}, raised, condition;
        setp.eq.f64 condition, {{power}}, {{Number(0.0)}};
        selp.f64 {{result}}, {{Number(1.0)}}, raised, condition;
        }
        """;

    // 1 / k! from k = 0 on
    private static double[] Factorials(int count)
    {
        var terms = new double[count];
        terms[0] = 1;
        for (int k = 1; k < count; k++)
        {
            terms[k] = terms[k - 1] / k;
        }

        return terms;
    }

    // c0 + x (c1 + x (c2 + ...))
    private static string Horner(string type, string sum, string x, string[] coefficients)
    {
        var text = new StringBuilder($"mov.{type} {sum}, {coefficients[^1]};");
        foreach (string coefficient in coefficients.Reverse().Skip(1))
        {
            text.Append(CultureInfo.InvariantCulture, $"\nfma.rn.{type} {sum}, {sum}, {x}, {coefficient};");
        }

        return text.ToString();
    }

    private static string Number(float value) => $"0f{BitConverter.SingleToInt32Bits(value):X8}";

    private static string Number(double value) => $"0d{BitConverter.DoubleToInt64Bits(value):X16}";
}
