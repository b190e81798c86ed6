using System.Collections.Concurrent;
using System.Reflection;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Jit.Frontend;
using Microsoft.CodeAnalysis;

namespace Llama.Gpu.Tests.Jit.Agreement;

/// <summary>Random kernels compiled together, with what they give on the <c>cpu</c> accelerator. Batches of odd number are Debug builds.</summary>
internal sealed class KernelBatch
{
    /// <summary>Kernels of a batch.</summary>
    public const int Size = 60;

    private const int MostShrinkingSteps = 400;

    private static readonly ConcurrentDictionary<int, Lazy<KernelBatch>> Made = new();

    private readonly OptimizationLevel _level;
    private readonly RandomKernel[] _kernels;
    private readonly Type _class;
    private readonly ConcurrentDictionary<(int Kernel, int WarpSize), AgreementRun> _expected = new();

    private KernelBatch(int number)
    {
        _level = number % 2 == 0 ? OptimizationLevel.Release : OptimizationLevel.Debug;
        _kernels = [.. Enumerable.Range(number * Size, Size).Select(KernelGenerator.Make).OrderBy(kernel => kernel.Method().Length)];
        Assembly? assembly = Compile(_kernels, out string errors);
        _class = assembly?.GetType("Kernels") ?? throw new InvalidOperationException($"a random kernel is no C#:\n{errors}");
    }

    /// <summary>The batches of a run: 10, or as many as <c>LLAMA_AGREEMENT_BATCHES</c> says.</summary>
    public static IEnumerable<int> Numbers() => Enumerable.Range(0, TestSetting.Of("LLAMA_AGREEMENT_BATCHES", 10));

    public static KernelBatch Of(int number) => Made.GetOrAdd(number, key => new(() => new(key))).Value;

    /// <summary>
    /// Runs kernels of the batch on an accelerator; tells of the first that disagrees, made as small as it gets. Null if none does.
    /// Where not all are wanted, the longest are left out.
    /// </summary>
    public string? Disagreement(Accelerator accelerator, int count)
    {
        int step = Math.Max(1, _kernels.Length * (KernelGenerator.LongEach - 1) / (KernelGenerator.LongEach * count));
        for (int i = 0; i < count * step; i += step)
        {
            RandomKernel kernel = _kernels[i];
            int warp = kernel.UsesWarps ? accelerator.WarpSize : 16;
            MethodInfo method = _class.GetMethod(kernel.Name)!;
            AgreementRun expected = _expected.GetOrAdd((i, warp), _ => AgreementRun.Of(Oracle.OfWarp(warp), method, kernel));
            if (Compare(accelerator, method, kernel, expected) is { } difference)
            {
                (RandomKernel small, string smallDifference) = Shrink(accelerator, kernel, difference);
                return $"seed {kernel.Seed} on {accelerator.Name}, {_level} IL, {kernel.Lanes} lanes a group: {difference}\n{kernel.Method()}\n"
                    + $"made smaller: {smallDifference}\n{small.Method()}";
            }
        }

        return null;
    }

    private static string? Compare(Accelerator accelerator, MethodInfo method, RandomKernel kernel, AgreementRun expected)
    {
        try
        {
            return expected.Difference(AgreementRun.Of(accelerator, method, kernel));
        }
        catch (Exception exception)
        {
            return exception.ToString();
        }
    }

    private Assembly? Compile(RandomKernel[] kernels, out string errors) =>
        KernelCompiler.TryCompile("RandomKernels", _level, [("RandomKernels.cs", RandomKernel.Source(kernels))], out errors);

    // leaves out statements for as long as what is left disagrees
    private (RandomKernel Kernel, string Difference) Shrink(Accelerator accelerator, RandomKernel kernel, string difference)
    {
        int steps = 0;
        bool smaller = true;
        while (smaller)
        {
            smaller = false;
            foreach (Statement[] body in Statement.Smaller(kernel.Body))
            {
                RandomKernel candidate = kernel with { Body = body };
                if (steps++ < MostShrinkingSteps && Difference(accelerator, candidate) is { } found)
                {
                    (kernel, difference, smaller) = (candidate, found, true);
                    break;
                }
            }
        }

        return (kernel, difference);
    }

    private string? Difference(Accelerator accelerator, RandomKernel kernel)
    {
        if (Compile([kernel], out _)?.GetType("Kernels")?.GetMethod(kernel.Name) is not { } method)
        {
            return null;
        }

        int warp = kernel.UsesWarps ? accelerator.WarpSize : 16;
        return Compare(accelerator, method, kernel, AgreementRun.Of(Oracle.OfWarp(warp), method, kernel));
    }
}
