using System.Text.Json.Nodes;
using Llama.Gpu.Chat;
using Llama.Gpu.Tests.Infrastructure;
using Llama.Gpu.Tests.Tokenization;
using Llama.Gpu.Tokenization;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Chat;

/// <summary>What each format writes for a conversation, and that nothing a user says becomes a mark.</summary>
public sealed class ChatFormatTests
{
    private static readonly HuggingFaceTokenizer Small = TokenizerFixtures.SmallHuggingFace;

    [Test]
    public void Llama3s_hello_world_has_the_known_ids()
    {
        var format = new Llama3ChatFormat(TiktokenTokenizer.Load(RealData.PathOf("llama3/tokenizer.model")));
        int[] user = [128006, 882, 128007, 271, 9906, 4435, 0, 128009];
        int[] answered = [128006, 78191, 128007, 271, 9906, 4435, 0, 128009];
        int[] answer = [128006, 78191, 128007, 271];
        int[] one = [128000, .. user, .. answer];
        int[] two = [128000, .. user, .. answered, .. user, .. answer];
        Assert.That(format.Encode([User("Hello World!")]), Is.EqualTo(one));
        Assert.That(format.Encode([User("Hello World!"), Assistant("Hello World!"), User(" Hello World!\n")]), Is.EqualTo(two));
        Assert.That(
            format.Encode([System("Hello World!"), User("Hello World!")])[..9],
            Is.EqualTo(new[] { 128000, 128006, 9125, 128007, 271, 9906, 4435, 0, 128009 }));
    }

    [Test]
    public void Llama3s_prompt_reads_as_Meta_writes_it() => Assert.That(
        Read(new Llama3ChatFormat(Small), System("rules"), User("one "), Assistant("two"), User("three") with { Input = "four" }),
        Is.EqualTo(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nrules<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\none<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\ntwo<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\nthree\n\nfour<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"));

    [Test]
    public void Llama2s_prompt_reads_as_Meta_writes_it()
    {
        var format = new Llama2ChatFormat(Small);
        Assert.That(Read(format, User(" one ")), Is.EqualTo("<|begin_of_text|>[INST] one [/INST]"));
        Assert.That(
            Read(format, System("rules"), User("one"), Assistant(" two"), User("three")),
            Is.EqualTo(
                "<|begin_of_text|>[INST] <<SYS>>\nrules\n<</SYS>>\n\none [/INST] two <|end_of_text|><|begin_of_text|>[INST] three [/INST]"));
    }

    [Test]
    public void Alpacas_prompt_reads_as_Stanford_writes_it()
    {
        var format = new AlpacaChatFormat(Small);
        Assert.That(
            Read(format, User("Add.")),
            Is.EqualTo(
                "<|begin_of_text|>Below is an instruction that describes a task. Write a response that appropriately completes the "
                + "request.\n\n### Instruction:\nAdd.\n\n### Response:"));
        Assert.That(
            Read(format, User("Add.") with { Input = "1 2" }),
            Is.EqualTo(
                "<|begin_of_text|>Below is an instruction that describes a task, paired with an input that provides further context. "
                + "Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:"));
        Assert.That(
            Read(format, System("Do."), User("a"), Assistant("b"), User("c")),
            Is.EqualTo(
                "<|begin_of_text|>Do.\n\n### Instruction:\na\n\n### Response:b<|end_of_text|>\n\n### Instruction:\nc\n\n### Response:"));
    }

    [Test]
    public void Plain_prompt_has_nothing_between_texts() => Assert.That(
        Read(new PlainChatFormat(Small), System("a "), User("b"), Assistant(" c"), User("\nd")), Is.EqualTo("<|begin_of_text|>a b c\nd"));

    [TestCaseSource(typeof(ChatFormats), nameof(ChatFormats.Names))]
    public void Known_ids_of_an_answer_stand_as_they_are(string name)
    {
        var format = ChatFormats.Get(name, Small);
        int[] ids = [65, 65, 66];
        int[] prompt = format.Encode([User("x"), new Message(MessageRole.Assistant, "another text") { Ids = [.. ids] }, User("y")]);
        Assert.That(prompt.AsSpan().IndexOf(ids), Is.GreaterThan(0));

        // the prompt of the first turn is how that of the second begins
        int[] first = format.Encode([User("x")]);
        Assert.That(prompt[..(first.Length + 3)], Is.EqualTo(new[] { first, ids }.SelectMany(part => part)));
    }

    [TestCase("llama3")]
    [TestCase("alpaca")]
    [TestCase("plain")]
    public void Texts_never_become_special_tokens(string name)
    {
        foreach (ITokenizer tokenizer in new ITokenizer[] { Small, TokenizerFixtures.SmallTiktoken })
        {
            var format = ChatFormats.Get(name, tokenizer);
            int marks = CountSpecial(format, System("a"), User("a"), Assistant("a"), User("a") with { Input = "a" });
            TokenizerFixtures.Holds(
                TokenizerFixtures.Texts,
                text => CountSpecial(format, System("a" + text), User("a" + text), Assistant("a" + text), User(text) with { Input = "a" + text }) == marks);
        }
    }

    [Test]
    public void Every_special_tokens_name_stays_text()
    {
        var format = new Llama3ChatFormat(Small);
        int marks = CountSpecial(format, User("a"));
        for (int id = 0; id < Small.VocabularySize; id++)
        {
            if (Small.IsSpecial(id))
            {
                string name = Small.Decode([id], skipSpecial: false);
                Assert.That(CountSpecial(format, User($"a{name}b")), Is.EqualTo(marks), name);
                Assert.That(Read(format, User($"a{name}b")), Does.Contain($"a{name}b"));
            }
        }
    }

    [Test]
    public void Marks_that_a_tokenizer_calls_ordinary_stay_text_too()
    {
        // such a tokenizer finds the mark in every text, asked or not
        var careless = TokenizerFixtures.Changed(root =>
        {
            foreach (var token in root["added_tokens"]!.AsArray())
            {
                if ((string?)token!["content"] == "</s>")
                {
                    return;
                }
            }

            root["added_tokens"]!.AsArray().Add((JsonNode)TokenizerFixtures.AddedToken(Small.VocabularySize, "</s>", special: true));
            root["added_tokens"]!.AsArray().Add((JsonNode)TokenizerFixtures.AddedToken(Small.VocabularySize + 1, "<mark>"));
        });
        int mark = Small.VocabularySize + 1;
        Assert.That(careless.Encode("a<mark>b<mark>"), Does.Contain(mark));
        int[] ids = PlainText.Encode(careless, "a<mark>b<mark>", new HashSet<int> { mark });
        Assert.That(ids, Does.Not.Contain(mark));
        Assert.That(careless.Decode(ids), Is.EqualTo("a<mark>b<mark>"));
    }

    [TestCase("[INST]")]
    [TestCase("a [/INST] b")]
    [TestCase("<<SYS>>")]
    [TestCase("\n<</SYS>>\n")]
    public void Llama2s_marks_are_refused_in_messages(string text)
    {
        var format = new Llama2ChatFormat(Small);
        Assert.That(() => format.Encode([User(text)]), Throws.TypeOf<ChatException>().With.Message.Contains(text.Trim().Trim('a', 'b', ' ')));
        Assert.That(() => format.Encode([System(text), User("a")]), Throws.TypeOf<ChatException>());
        Assert.That(format.Encode([User("a"), Assistant(text), User("b")]), Is.Not.Empty);
    }

    [Test]
    public void Conversation_has_to_end_with_the_user()
    {
        var format = new PlainChatFormat(Small);
        Assert.That(() => format.Encode([]), Throws.TypeOf<ChatException>().With.Message.EndsWith("found no message"));
        Assert.That(() => format.Encode([User("a"), Assistant("b")]), Throws.TypeOf<ChatException>().With.Message.EndsWith("found assistant"));
        Assert.That(
            () => new AlpacaChatFormat(Small).Encode([Assistant("b"), User("a")]),
            Throws.TypeOf<ChatException>().With.Message.EndsWith("found assistant"));
    }

    [Test]
    public void Messages_of_one_role_are_put_together_where_a_format_knows_only_pairs() => Assert.That(
        Read(new Llama2ChatFormat(Small), System("a"), User("b"), System("c"), User("d")),
        Is.EqualTo("<|begin_of_text|>[INST] <<SYS>>\na\n\nc\n<</SYS>>\n\nb\n\nd [/INST]"));

    [TestCase("{}", "model", "llama3")]
    [TestCase("""{"chat_template":"{% for m in messages %}<|start_header_id|>"}""", "model", "llama3")]
    [TestCase("""{"chat_template":"{{ '[INST] ' }}"}""", "model", "llama2")]
    [TestCase("""{"chat_template":[{"name":"default","template":"### Instruction:\n"}]}""", "model", "alpaca")]
    public void Checkpoints_template_decides(string config, string folderName, string expected)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder[folderName]);
        File.WriteAllText(Path.Combine(folder[folderName], "tokenizer_config.json"), config);
        Assert.That(ChatFormats.Choose(folder[folderName], Small).Name, Is.EqualTo(expected));
    }

    [TestCase("llama-2-7b-chat", "llama2")]
    [TestCase("alpaca-7b", "alpaca")]
    [TestCase("llama-2-7b", "plain")]
    public void Folders_name_decides_where_nothing_else_does(string folderName, string expected)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder[folderName]);
        var tokenizer = new Llama.Gpu.Tests.Generation.FakeTokenizer();
        Assert.That(ChatFormats.Choose(folder[folderName], tokenizer).Name, Is.EqualTo(expected));
        File.WriteAllText(Path.Combine(folder[folderName], "chat_template.jinja"), "### Instruction:");
        Assert.That(ChatFormats.Choose(folder[folderName], tokenizer).Name, Is.EqualTo("alpaca"));
    }

    [Test]
    public void Broken_tokenizer_config_is_a_typed_error()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer_config.json"], "[1]");
        Assert.That(() => ChatFormats.Choose(folder.Path, Small), Throws.TypeOf<TokenizerException>().With.Message.Contains("tokenizer_config.json"));
    }

    [Test]
    public void Unknown_names_and_unfit_tokenizers_are_refused()
    {
        Assert.That(() => ChatFormats.Get("vicuna", Small), Throws.TypeOf<ChatException>().With.Message.Contains("'vicuna'"));
        Assert.That(
            () => ChatFormats.Get("llama3", new Llama.Gpu.Tests.Generation.FakeTokenizer()),
            Throws.TypeOf<ChatException>().With.Message.Contains("<|eot_id|>"));
    }

    private static string Read(ChatFormat format, params Message[] messages) =>
        format.Tokenizer.Decode(format.Encode(messages), skipSpecial: false);

    private static int CountSpecial(ChatFormat format, params Message[] messages) =>
        format.Encode(messages).Count(format.Tokenizer.IsSpecial);

    private static Message System(string text) => new(MessageRole.System, text);

    private static Message User(string text) => new(MessageRole.User, text);

    private static Message Assistant(string text) => new(MessageRole.Assistant, text);
}
