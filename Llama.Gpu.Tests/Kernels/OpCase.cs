using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>One operation at one shape and type: what correctness tests check and a benchmark times.</summary>
/// <param name="Operation">Name of the launcher.</param>
/// <param name="Shape">The shape, for people.</param>
/// <param name="Type">Type of the stored operand, f32 where there is none.</param>
/// <param name="Cost">Bytes and operations of one run.</param>
/// <param name="Prepare">Makes the operands on an accelerator.</param>
internal sealed record OpCase(string Operation, string Shape, TensorType Type, Cost Cost, Func<OpData, OpRun> Prepare)
{
    /// <summary>How far results may lie from the specification.</summary>
    public Tolerance Tolerance => Tolerance.Of(Operation, Type);

    /// <inheritdoc/>
    public override string ToString() => $"{Operation} {Shape} {Type}";

    /// <summary>Runs the case once and describes the first element that is too far from the specification, or gives null.</summary>
    /// <param name="accelerator">Where it runs.</param>
    /// <param name="kernels">The operations on it.</param>
    /// <param name="tensorCores">Whether their launch shapes take tensor cores.</param>
    public string? Check(Accelerator accelerator, KernelSet kernels, bool tensorCores = false)
    {
        Tolerance tolerance = tensorCores ? Tolerance.OnTensorCores(Operation, Type) : Tolerance;
        using var data = new OpData(accelerator, kernels);
        OpRun run = Prepare(data);
        double[] expected = run.Expected();
        run.Launch(accelerator.DefaultStream);
        accelerator.DefaultStream.Synchronize();
        double[] actual = run.Actual();
        if (actual.Length != expected.Length)
        {
            return $"{this}: expected {expected.Length} elements, found {actual.Length}";
        }

        for (int i = 0; i < expected.Length; i++)
        {
            if (!tolerance.Allows(actual[i], expected[i]))
            {
                return $"{this}: element {i} of {expected.Length}: expected {expected[i]:R}, found {actual[i]:R}, {tolerance}";
            }
        }

        return null;
    }
}

/// <summary>A case with its operands on the device.</summary>
/// <param name="Launch">Starts the operation; may be repeated where it does not work in place.</param>
/// <param name="Actual">Reads the result back.</param>
/// <param name="Expected">Computes the specification from the operands as they were before the launch.</param>
internal sealed record OpRun(Action<AcceleratorStream> Launch, Func<double[]> Actual, Func<double[]> Expected);
