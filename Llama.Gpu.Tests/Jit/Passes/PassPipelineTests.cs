using System.Diagnostics;
using System.Globalization;
using System.Text;
using Llama.Gpu.Jit.Frontend;
using Llama.Gpu.Jit.Ir;
using Llama.Gpu.Jit.Passes;
using Llama.Gpu.Kernels;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Jit.Passes;

public sealed class PassPipelineTests
{
    [Test]
    public void Every_kernel_of_a_model_passes_through_and_is_well_formed_after_each_pass() => Assert.Multiple(() =>
    {
        foreach (CatalogedKernel kernel in KernelCatalog.All)
        {
            IrFunction function = KernelFrontend.Compile(kernel.Method, new FrontendOptions { WarpSize = 32 });
            int before = function.Instructions.Count();
            var watch = Stopwatch.StartNew();
            Assert.That(() => PassPipeline.Run(function, new PassOptions { Verify = true }), Throws.Nothing);
            TestContext.Out.WriteLine(
                $"{function.Name}: {before} to {function.Instructions.Count()} instructions, {function.Blocks.Count} blocks, {watch.Elapsed.TotalMilliseconds:f1} ms");

            // the sums of a tile for vectors are more than there are registers; those of warp groups are named by their array
            if (kernel.Target != KernelTarget.Vectors)
            {
                int arrays = function.Instructions.Count(instruction => instruction.Op == Op.AllocateLocal);
                int sums = function.Instructions.Where(instruction => instruction.IsWarpGroupProduct).Select(product => product.Operands[0]).Distinct().Count();
                Assert.That(arrays, Is.EqualTo(sums), function.Name);
            }
        }
    });

    [Test]
    public void A_kernel_of_twenty_thousand_instructions_takes_less_than_seconds()
    {
        string text = Large(loops: 330);
        PassPipeline.Run(IrText.Parse(Large(loops: 10)), new PassOptions { Verify = false });
        IrFunction function = IrText.Parse(text);
        Assert.That(function.Instructions.Count(), Is.GreaterThan(20_000));
        var watch = Stopwatch.StartNew();
        PassPipeline.Run(function, new PassOptions { Verify = false });

        // a fraction of a second on an idle machine; a pass that compares everything with everything takes minutes
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    // counted loops one after the other, each with eight sums into memory
    private static string Large(int loops)
    {
        var text = new StringBuilder("kernel Large(data: ptr.global)\nb0():\n%p: ptr.global = parameter 0\n%z: i32 = constant 0\n%one: i32 = constant 1\ngoto h0()\n");
        int id = 0;
        for (int k = 0; k < loops; k++)
        {
            text.Append(CultureInfo.InvariantCulture, $"h{k}():\n%n{k}: i32 = load align 4 %p\ngoto c{k}(%z, %z)\nc{k}(%i{k}: i32, %s{k}: i32):\n");
            text.Append(CultureInfo.InvariantCulture, $"%t{k}: i1 = lt %i{k}, %n{k}\nif %t{k} goto d{k}() else h{k + 1}()\nd{k}():\n");
            string sum = $"%s{k}";
            for (int j = 0; j < 8; j++, id++)
            {
                text.Append(CultureInfo.InvariantCulture, $"%a{id}: i64 = signextend %i{k}\n%b{id}: i64 = constant {8 + (4 * j)}\n%c{id}: i64 = mul %a{id}, %b{id}\n");
                text.Append(CultureInfo.InvariantCulture, $"%e{id}: ptr.global = offset %p, %c{id}\n%g{id}: i32 = load align 4 %e{id}\n");
                text.Append(CultureInfo.InvariantCulture, $"%f{id}: i32 = add {sum}, %g{id}\n%v{id}: i32 = xor %f{id}, %i{k}\nstore align 4 %e{id}, %v{id}\n");
                sum = $"%f{id}";
            }

            text.Append(CultureInfo.InvariantCulture, $"%j{k}: i32 = add %i{k}, %one\ngoto c{k}(%j{k}, {sum})\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"h{loops}():\nreturn\n").ToString();
    }
}
