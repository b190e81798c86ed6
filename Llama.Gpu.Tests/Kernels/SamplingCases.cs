using Llama.Gpu.Generation;
using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Kernels;

namespace Llama.Gpu.Tests.Kernels;

/// <summary>Cases of the choice of a token, whose specification is the sampler of the library.</summary>
internal static class SamplingCases
{
    /// <summary>A token drawn from what temperature, top-k and top-p leave, as the sampler on the host draws it.</summary>
    public static OpCase Choice(int vocabulary) => new(
        nameof(TokenSampling), $"V={vocabulary}", TensorType.Float32, TokenSampling.CostOf(vocabulary), data =>
        {
            const int Position = 6;
            var options = new SamplingOptions { Temperature = 0.8, TopK = 40, TopP = 0.95, Seed = 7 };
            var logits = data.Floats(vocabulary, 20);
            var scratch = SamplingScratch.Create(
                data.Upload(new long[SamplingScratch.LongCount(vocabulary)]), data.Upload(new int[SamplingScratch.IntCount(vocabulary)]), vocabulary);
            var choice = data.Upload(
                new TokenChoice(options.Temperature, options.TopK, options.TopP, options.MinP, options.Seed.Value, Position + 1).Encode(Position + 1));
            var position = data.Upload(new[] { Position });
            var token = data.Upload(new[] { -1 });
            var chosen = data.Upload(new[] { -1 });
            return new(
                stream => data.Kernels.TokenSampling.Run(stream, logits.View, scratch, choice, position, token, chosen, vocabulary, 1),
                () => [chosen.GetAsArray()[0], token.GetAsArray()[0], position.GetAsArray()[0]],
                () =>
                {
                    int expected = new Sampler(options).Sample([.. logits.Values.Select(value => (float)value)], new int[Position + 1]);
                    return [expected, expected, Position + 1];
                });
        });
}
