using System.Text;
using System.Text.Json.Nodes;
using Llama.Gpu.Checkpoints;
using Llama.Gpu.Model;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Checkpoints;

/// <summary>Ten thousand spoiled files for each parser: a typed error or a sound result, and nothing else.</summary>
public sealed class ParserFuzzTests
{
    private const int Mutations = 10_000;

    [Test]
    public void Config_json_gives_a_sound_configuration_or_a_typed_error()
    {
        var scaled = CheckpointBuilder.SmallModel with
        {
            RopeScaling = new Llama3RopeScaling(8, 1, 4, 16),
            EndOfTextIds = [2, 3],
        };
        Fuzz(HuggingFaceConfig.Write(scaled), seed: 1, json =>
        {
            var config = HuggingFaceConfig.Parse(json, "config.json");
            bool sound = config.VocabularySize > 0 && config.HiddenSize > 0 && config.IntermediateSize > 0 && config.LayerCount > 0
                && config.HeadDim > 0 && config.HeadDim % 2 == 0 && config.HeadCount % config.KeyValueHeadCount == 0
                && config.QueryWidth > 0 && config.MaxPositions > 0 && config.RmsNormEpsilon > 0 && double.IsFinite(config.RopeTheta)
                && config.RopeTheta > 0 && config.EndOfTextIds.All(id => id >= 0 && id < config.VocabularySize);
            Assert.That(sound, Is.True);
            Assert.That(TensorNames.Expected(config).Take(20).All(tensor => tensor.ElementCount > 0), Is.True);
        });
    }

    [Test]
    public void A_safetensors_header_gives_tensors_within_the_file_or_a_typed_error()
    {
        using var builder = new CheckpointBuilder();
        byte[] file = RawTensor.File(builder.Tensors.Take(6));
        int headerLength = BitConverter.ToInt32(file);
        int dataLength = file.Length - 8 - headerLength;
        Fuzz(file[8..(8 + headerLength)], seed: 2, json =>
        {
            byte[] spoiled = RawTensor.File(json, new byte[dataLength]);
            var header = SafeTensorsHeader.Parse(spoiled, spoiled.Length, "model.safetensors");
            long next = header.DataOffset;
            foreach (var tensor in header.Tensors)
            {
                Assert.That(tensor.Offset, Is.EqualTo(next));
                Assert.That(tensor.Shape.Aggregate(1L, (a, b) => checked(a * b)), Is.EqualTo(tensor.ElementCount));
                next += tensor.ByteLength;
            }

            Assert.That(next, Is.EqualTo(spoiled.Length));
        });
    }

    [Test]
    public void The_first_bytes_of_a_safetensors_file_never_lead_out_of_it()
    {
        using var builder = new CheckpointBuilder();
        byte[] file = RawTensor.File(builder.Tensors.Take(2));
        var random = new Random(3);
        int accepted = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] spoiled = file[..random.Next(file.Length + 1)];
            if (spoiled.Length >= 8 && random.Next(2) == 0)
            {
                spoiled[random.Next(8)] = (byte)random.Next(256);
            }

            accepted += Survives(() => SafeTensorsHeader.Parse(spoiled, spoiled.Length, "model.safetensors"), i) ? 1 : 0;
        }

        // only the whole file with nothing changed is sound
        Assert.That(accepted, Is.LessThan(Mutations / 50));
    }

    [Test]
    public void An_index_gives_plain_file_names_or_a_typed_error()
    {
        var map = new JsonObject();
        foreach (var tensor in TensorNames.Expected(CheckpointBuilder.SmallModel).Take(8))
        {
            map[tensor.Name] = $"model-0000{1 + map.Count % 2}-of-00002.safetensors";
        }

        byte[] original = Encoding.UTF8.GetBytes(new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 1 }, ["weight_map"] = map }.ToJsonString());
        Fuzz(original, seed: 4, json =>
        {
            var index = ShardIndex.Parse(json, ShardIndex.SafeTensorsName);
            foreach (string shard in index.Shards)
            {
                string path = Path.GetFullPath(Path.Combine("/folder", shard));
                Assert.That(Path.GetDirectoryName(path), Is.EqualTo(Path.GetFullPath("/folder")));
                Assert.That(shard, Does.EndWith(".safetensors"));
            }
        });
    }

    [Test]
    public void A_PyTorch_file_gives_tensors_within_it_or_a_typed_error()
    {
        byte[] original = File.ReadAllBytes(Path.Combine(FormatTests.PathOf("pytorch-bin"), "pytorch_model-00001-of-00002.bin"));
        var random = new Random(5);
        int accepted = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] spoiled = (byte[])original.Clone();
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                // the pickle is at the start, the archive's directory at the end, and most of what lies between is weights
                int near = random.Next(6000);
                int at = random.Next(2) == 0 ? near : spoiled.Length - 1 - near;
                spoiled[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(spoiled[at] ^ (1 << random.Next(8)));
            }

            byte[] file = random.Next(20) == 0 ? spoiled[..random.Next(spoiled.Length)] : spoiled;
            accepted += Survives(() => ReadAll(PyTorchFile.Read(new MemorySource("model.bin", file)).Tensors), i) ? 1 : 0;
        }

        Assert.That(accepted, Is.InRange(Mutations / 100, Mutations * 9 / 10), "mutations that are still valid");
    }

    [Test]
    public void A_pickle_gives_a_value_or_a_typed_error()
    {
        using var builder = new CheckpointBuilder();
        byte[] original = PickleBuilder.Dictionary(builder.Tensors.Take(3)).ToArray();
        byte[] codes = [.. "().0123}]tuseabcdhjqrQRNJKMXG\u0085\u0086\u0087\u0088\u0089\u008a\u008c\u0093\u0094\u0095"u8];
        var random = new Random(6);
        int accepted = 0;
        for (int i = 0; i < Mutations; i++)
        {
            var spoiled = new List<byte>(original);
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                int at = random.Next(spoiled.Count);
                switch (random.Next(4))
                {
                    case 0:
                        spoiled[at] = codes[random.Next(codes.Length)];
                        break;
                    case 1:
                        spoiled.Insert(at, codes[random.Next(codes.Length)]);
                        break;
                    case 2:
                        spoiled.RemoveAt(at);
                        break;
                    default:
                        spoiled.InsertRange(at, spoiled.GetRange(random.Next(spoiled.Count - 9), 8));
                        break;
                }
            }

            accepted += Survives(() => PickleReader.Read([.. spoiled], "model.pth"), i) ? 1 : 0;
        }

        Assert.That(accepted, Is.InRange(Mutations / 100, Mutations / 2), "mutations that are still valid");
    }

    [Test]
    public void A_gguf_file_gives_tensors_within_it_or_a_typed_error()
    {
        byte[] original = File.ReadAllBytes(Path.Combine(FormatTests.PathOf("gguf-q8"), "model.gguf"));
        var random = new Random(8);
        int accepted = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] spoiled = (byte[])original.Clone();
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                int at = random.Next(4000); // the header
                spoiled[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(spoiled[at] ^ (1 << random.Next(8)));
            }

            byte[] file = random.Next(20) == 0 ? spoiled[..random.Next(spoiled.Length)] : spoiled;
            accepted += Survives(
                () =>
                {
                    var gguf = GgufFile.Read(new MemorySource("model.gguf", file));
                    ReadAll(gguf.Tensors);
                    GgufConfig.Read(gguf);
                },
                i) ? 1 : 0;
        }

        Assert.That(accepted, Is.InRange(Mutations / 100, Mutations * 9 / 10), "mutations that are still valid");
    }

    [Test]
    public void Params_json_gives_a_sound_configuration_or_a_typed_error() =>
        Fuzz(File.ReadAllBytes(Path.Combine(FormatTests.PathOf("meta-1"), "params.json")), seed: 7, json =>
        {
            var config = MetaParams.Parse(json, "params.json", _ => 48, tiedHead: false);
            bool sound = config.HiddenSize > 0 && config.IntermediateSize > 0 && config.LayerCount > 0 && config.HeadDim > 0
                && config.HeadDim % 2 == 0 && config.HeadCount % config.KeyValueHeadCount == 0 && config.RmsNormEpsilon > 0;
            Assert.That(sound, Is.True);
        });

    private static void ReadAll(IEnumerable<StoredTensor> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor.Info.ByteLength > 0)
            {
                tensor.Content.Read(0, (int)tensor.Info.ByteLength);
            }
        }
    }

    private static void Fuzz(byte[] original, int seed, Action<byte[]> parse)
    {
        parse(original);
        var mutator = new JsonMutator(seed);
        int accepted = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] spoiled = mutator.Mutate(original);
            accepted += Survives(() => parse(spoiled), i) ? 1 : 0;
        }

        // were everything refused at the first byte, this would test no more than a JSON parser
        Assert.That(accepted, Is.InRange(Mutations / 100, Mutations / 2), "mutations that are still valid");
    }

    private static bool Survives(Action parse, int mutation)
    {
        try
        {
            parse();
            return true;
        }
        catch (CheckpointException)
        {
            return false;
        }
        catch (Exception error) when (error is not ResultStateException)
        {
            throw new AssertionException($"mutation {mutation}: {error.GetType().Name}: {error.Message}", error);
        }
    }
}
