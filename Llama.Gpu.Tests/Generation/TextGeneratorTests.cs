using System.Text;
using Llama.Gpu.Generation;
using Llama.Gpu.Model;
using NUnit.Framework;

namespace Llama.Gpu.Tests.Generation;

public sealed class TextGeneratorTests
{
    private const int First = FakeTokenizer.FirstToken;

    // "Hi" with the begin-of-text token before it
    private const int PromptLength = 3;

    [Test]
    public async Task Time_for_compiling_kernels_is_not_counted()
    {
        FakeSession? session = null;
        session = new FakeSession(10, 20, 1, 7, 8, 9)
        {
            OnForward = (calls, _) =>
            {
                Thread.Sleep(20);
                session!.KernelLoadTime += calls == 2 ? TimeSpan.Zero : TimeSpan.FromHours(1);
            },
        };
        var result = await new TextGenerator(session).CompleteAsync(new[] { 1 }, new GenerationOptions { MaxTokens = 3 });
        Assert.That(result.PrefillTime, Is.EqualTo(TimeSpan.Zero));
        Assert.That(result.DecodeTime, Is.InRange(TimeSpan.FromMilliseconds(15), TimeSpan.FromMinutes(1)), "of the last token alone");
        session.Dispose();
    }

    [Test]
    public async Task Pieces_come_token_by_token_and_the_last_carries_the_result()
    {
        var tokenizer = FakeTokenizer.Of("one", " two", " three");
        using var session = Scripted(tokenizer, First, First + 1, First + 2, 1);
        var pieces = await Collect(new TextGenerator(session, tokenizer).GenerateAsync("Hi"));

        Assert.That(pieces.Select(piece => piece.Text), Is.EqualTo(new[] { "one", " two", " three", "" }));
        Assert.That(pieces.SelectMany(piece => piece.Ids), Is.EqualTo(new[] { First, First + 1, First + 2, 1 }));
        Assert.That(pieces.SkipLast(1).Select(piece => piece.Result), Is.All.Null);
        var result = pieces[^1].Result!;
        Assert.That(result.Text, Is.EqualTo("one two three"));
        Assert.That(result.Ids, Is.EqualTo(new[] { First, First + 1, First + 2, 1 }));
        Assert.That(result.PromptIds, Is.EqualTo(new[] { 0, 'H' + 2, 'i' + 2 }));
        Assert.That(result.StopReason, Is.EqualTo(StopReason.StopToken));
        Assert.That(result.PrefillTokensPerSecond, Is.Positive);
        Assert.That(result.DecodeTokensPerSecond, Is.Positive);
        Assert.That(session.Tokens, Is.EqualTo(new[] { 0, 'H' + 2, 'i' + 2, First, First + 1, First + 2 }));
    }

    [Test]
    public async Task Checkpoint_and_caller_add_stop_tokens()
    {
        var tokenizer = FakeTokenizer.Of("a", "b", "c");
        foreach (int stop in new[] { First + 1, First + 2 })
        {
            using var session = Scripted(tokenizer, First, stop, First);
            var generator = new TextGenerator(session, tokenizer, [First + 1]);
            var result = await generator.CompleteAsync("Hi", new GenerationOptions { StopTokens = [First + 2] });
            Assert.That(result.Text, Is.EqualTo("a"));
            Assert.That(result.StopReason, Is.EqualTo(StopReason.StopToken));
        }
    }

    [Test]
    public async Task Ignored_end_tokens_do_not_stop()
    {
        var tokenizer = FakeTokenizer.Of("a");
        using var session = Scripted(tokenizer, First, 1, First, First);
        var options = new GenerationOptions { IgnoreEndOfText = true, MaxTokens = 4 };
        var result = await new TextGenerator(session, tokenizer).CompleteAsync("Hi", options);
        Assert.That(result.Text, Is.EqualTo("aaa"));
        Assert.That(result.StopReason, Is.EqualTo(StopReason.MaxTokens));
    }

    [Test]
    public async Task Max_tokens_show_what_was_held_back()
    {
        var tokenizer = FakeTokenizer.Of("end", "ing", "!");
        using var session = Scripted(tokenizer, First, First + 1, First + 2);
        var options = new GenerationOptions { MaxTokens = 2, StopStrings = ["ending!"] };
        var pieces = await Collect(new TextGenerator(session, tokenizer).GenerateAsync("Hi", options));
        Assert.That(pieces.Select(piece => piece.Text), Is.EqualTo(new[] { "", "ending" }));
        Assert.That(pieces[^1].Result!.StopReason, Is.EqualTo(StopReason.MaxTokens));
        Assert.That(session.Calls, Is.EqualTo(2));
    }

    [Test]
    public async Task No_tokens_asked_for_still_reads_the_prompt()
    {
        var tokenizer = FakeTokenizer.Of("a");
        using var session = Scripted(tokenizer, First);
        var pieces = await Collect(new TextGenerator(session, tokenizer).GenerateAsync("Hi", new GenerationOptions { MaxTokens = 0 }));
        Assert.That(pieces, Has.Count.EqualTo(1));
        Assert.That(pieces[0].Ids, Is.Empty);
        Assert.That(pieces[0].Result!.StopReason, Is.EqualTo(StopReason.MaxTokens));
        Assert.That(pieces[0].Result!.DecodeTokensPerSecond, Is.Null);
        Assert.That(session.Position, Is.EqualTo(PromptLength));
    }

    [Test]
    public async Task Stop_string_over_token_borders_ends_the_text_before_it()
    {
        var tokenizer = FakeTokenizer.Of("yes.\nUs", "er", ": and");
        using var session = Scripted(tokenizer, First, First + 1, First + 2, First);
        var pieces = await Collect(new TextGenerator(session, tokenizer)
            .GenerateAsync("Hi", new GenerationOptions { StopStrings = ["\nUser:"] }));
        Assert.That(pieces.Select(piece => piece.Text), Is.EqualTo(new[] { "yes.", "", "" }));
        Assert.That(pieces[^1].Result!.Text, Is.EqualTo("yes."));
        Assert.That(pieces[^1].Result!.StopReason, Is.EqualTo(StopReason.StopString));
        Assert.That(pieces[^1].Result!.StopString, Is.EqualTo("\nUser:"));
    }

    [Test]
    public async Task Stop_string_that_the_prompt_begins_does_not_count()
    {
        var tokenizer = FakeTokenizer.Of("i there");
        using var session = new FakeSession(tokenizer.VocabularySize, 100, 2, First, 1);
        var result = await new TextGenerator(session, tokenizer).CompleteAsync("H", new GenerationOptions { StopStrings = ["Hi"] });
        Assert.That(result.Text, Is.EqualTo("i there"));
    }

    [Test]
    public async Task Characters_over_token_borders_are_never_printed_broken()
    {
        byte[] text = Encoding.UTF8.GetBytes("a\u00e9\u20ac\U0001F600z");
        var tokenizer = new FakeTokenizer();
        using var session = Scripted(tokenizer, [.. text.Select(b => b + 2), 1]);
        var pieces = await Collect(new TextGenerator(session, tokenizer).GenerateAsync("Hi"));
        Assert.That(
            pieces.Select(piece => piece.Text),
            Is.EqualTo(new[] { "a", "", "\u00e9", "", "", "\u20ac", "", "", "", "\U0001F600", "z", "" }));
    }

    [Test]
    public async Task Character_begun_in_the_prompt_is_completed()
    {
        var tokenizer = new FakeTokenizer();
        using var session = new FakeSession(tokenizer.VocabularySize, 100, 2, 0xAC + 2, 'x' + 2, 1);
        var result = await new TextGenerator(session, tokenizer).CompleteAsync(new[] { 0xE2 + 2, 0x82 + 2 });
        Assert.That(result.Text, Is.EqualTo("\u20acx"));
    }

    [Test]
    public async Task Character_left_unfinished_at_the_end_is_the_replacement_character()
    {
        var tokenizer = new FakeTokenizer();
        using var session = Scripted(tokenizer, 'a' + 2, 0xE2 + 2, 0x82 + 2);
        var result = await new TextGenerator(session, tokenizer).CompleteAsync("Hi", new GenerationOptions { MaxTokens = 3 });
        Assert.That(result.Text, Is.EqualTo("a\ufffd"));
    }

    [Test]
    public async Task Context_that_is_full_ends_the_text()
    {
        var tokenizer = FakeTokenizer.Of("a");
        using var session = new FakeSession(tokenizer.VocabularySize, 5, PromptLength, First, First, First, First);
        var result = await new TextGenerator(session, tokenizer).CompleteAsync("Hi");
        Assert.That(result.StopReason, Is.EqualTo(StopReason.ContextFull));
        Assert.That(result.Text, Is.EqualTo("aaa"));
        Assert.That(session.Position, Is.EqualTo(5));
    }

    [Test]
    public void Prompt_longer_than_the_context_is_a_typed_error()
    {
        var tokenizer = new FakeTokenizer();
        using var session = new FakeSession(tokenizer.VocabularySize, 2, PromptLength);
        Assert.That(
            async () => await new TextGenerator(session, tokenizer).CompleteAsync("Hi"),
            Throws.TypeOf<ContextOverflowException>());
    }

    [Test]
    public async Task Ids_without_a_tokenizer_give_ids()
    {
        using var session = new FakeSession(10, 100, 2, 7, 8, 9, 3);
        var pieces = await Collect(new TextGenerator(session, endOfTextIds: [3]).GenerateAsync(new[] { 4, 5 }));
        Assert.That(pieces.SelectMany(piece => piece.Ids), Is.EqualTo(new[] { 7, 8, 9, 3 }));
        Assert.That(pieces[^1].Result!.Text, Is.Empty);
        Assert.That(pieces[^1].Result!.PromptIds, Is.EqualTo(new[] { 4, 5 }));
    }

    [Test]
    public async Task Token_beyond_the_tokenizers_vocabulary_has_no_text()
    {
        var tokenizer = FakeTokenizer.Of("a");
        using var session = new FakeSession(tokenizer.VocabularySize + 10, 100, PromptLength, First, First + 5, First, 1);
        Assert.That((await new TextGenerator(session, tokenizer).CompleteAsync("Hi")).Text, Is.EqualTo("aa"));
    }

    [Test]
    public async Task Repetition_penalty_sees_the_prompt_and_what_earlier_turns_left()
    {
        using var session = new FakeSession(4, 100, 0) { Logits = _ => [4f, 3f, 2.9f, 2.8f] };
        var generator = new TextGenerator(session);
        var options = new GenerationOptions { MaxTokens = 1, Sampling = new SamplingOptions { RepetitionPenalty = 10 } };
        Assert.That((await generator.CompleteAsync(new[] { 0 }, options)).Ids, Is.EqualTo(new[] { 1 }));
        Assert.That((await generator.CompleteAsync(new[] { 1 }, options)).Ids, Is.EqualTo(new[] { 2 }));
        session.Rewind(1);
        Assert.That((await generator.CompleteAsync(new[] { 2 }, options)).Ids, Is.EqualTo(new[] { 1 }));
        session.Rewind(0);
        session.Forward([3, 3, 3, 3]);
        Assert.That((await generator.CompleteAsync(new[] { 1 }, options)).Ids, Is.EqualTo(new[] { 0 }));
    }

    [Test]
    public async Task Same_seed_gives_the_same_text_and_reports_itself()
    {
        async Task<GenerationResult> Run(ulong? seed)
        {
            using var session = new FakeSession(50, 100, 0) { Logits = held => [.. Enumerable.Range(0, 50).Select(i => (i * held[^1] % 7) / 7f)] };
            return await new TextGenerator(session).CompleteAsync(
                new[] { 3 }, new GenerationOptions { MaxTokens = 30, Sampling = new SamplingOptions { Temperature = 1, Seed = seed } });
        }

        var first = await Run(null);
        Assert.That((await Run(first.Seed)).Ids, Is.EqualTo(first.Ids));
        Assert.That((await Run(first.Seed + 1)).Ids, Is.Not.EqualTo(first.Ids));
    }

    [Test]
    public void Cancellation_within_a_step_ends_the_loop_and_leaves_the_session_usable()
    {
        using var cancel = new CancellationTokenSource();
        var tokenizer = FakeTokenizer.Of("a");
        using var session = new FakeSession(tokenizer.VocabularySize, 100, PromptLength, First, First, First, First, First, 1)
        {
            OnForward = (call, _) =>
            {
                if (call == 2)
                {
                    cancel.Cancel();
                }
            },
        };
        var generator = new TextGenerator(session, tokenizer);
        var seen = new List<string>();
        Assert.That(
            async () =>
            {
                await foreach (var piece in generator.GenerateAsync("Hi", cancellationToken: cancel.Token))
                {
                    seen.Add(piece.Text);
                }
            },
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(seen, Is.EqualTo(new[] { "a", "a" }));
        Assert.That(session.Position, Is.EqualTo(PromptLength + 1));
        Assert.That(async () => (await generator.CompleteAsync(new[] { First })).StopReason, Is.EqualTo(StopReason.StopToken));
    }

    [Test]
    public void Cancellation_before_the_start_does_nothing()
    {
        using var session = new FakeSession(10, 100, 1, 1);
        var generator = new TextGenerator(session);
        Assert.That(
            async () => await generator.CompleteAsync(new[] { 4 }, cancellationToken: new CancellationToken(canceled: true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(session.Calls, Is.Zero);
    }

    [Test]
    public async Task Leaving_the_loop_early_stops_the_work()
    {
        using var session = new FakeSession(10, 1000, 1, [.. Enumerable.Repeat(5, 900)]);
        var generator = new TextGenerator(session);
        await foreach (var piece in generator.GenerateAsync(new[] { 4 }))
        {
            if (session.Calls == 3)
            {
                break;
            }
        }

        await Task.Delay(50);
        Assert.That(session.Calls, Is.EqualTo(3));
        Assert.That((await generator.CompleteAsync(new[] { 6 }, new GenerationOptions { MaxTokens = 1 })).Ids, Is.EqualTo(new[] { 5 }));
    }

    [Test]
    public async Task Second_generation_at_the_same_time_is_refused()
    {
        using var session = new FakeSession(10, 1000, 1, 5, 5, 5);
        var generator = new TextGenerator(session);
        await foreach (var piece in generator.GenerateAsync(new[] { 4 }, new GenerationOptions { MaxTokens = 2 }))
        {
            Assert.That(async () => await generator.CompleteAsync(new[] { 4 }), Throws.InvalidOperationException);
        }
    }

    [Test]
    public void Blocking_work_never_runs_on_the_callers_context()
    {
        var context = new RefusingContext();
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        try
        {
            int caller = Environment.CurrentManagedThreadId;
            using var session = new FakeSession(10, 100, 1, 5, 5)
            {
                OnForward = (_, _) => Assert.That(Environment.CurrentManagedThreadId, Is.Not.EqualTo(caller)),
            };

            // a library that posted back to the blocked caller would hang here
            var task = new TextGenerator(session).CompleteAsync(new[] { 4 }, new GenerationOptions { MaxTokens = 2 });
            Assert.That(task.Wait(TimeSpan.FromSeconds(30)), Is.True);
            Assert.That(context.Posts, Is.Zero);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    [Test]
    public void Wrong_arguments_are_reported_by_the_call()
    {
        using var session = new FakeSession(10, 100, 1);
        var generator = new TextGenerator(session);
        Assert.That(() => generator.GenerateAsync("text"), Throws.InvalidOperationException);
        Assert.That(() => generator.GenerateAsync(new[] { 1 }, new GenerationOptions { MaxTokens = -1 }), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => generator.GenerateAsync(new[] { 1 }, new GenerationOptions { StopStrings = ["x"] }), Throws.InvalidOperationException);
        Assert.That(
            () => generator.GenerateAsync(new[] { 1 }, new GenerationOptions { Sampling = new SamplingOptions { TopP = 2 } }),
            Throws.TypeOf<ArgumentOutOfRangeException>());
        var withTokenizer = new TextGenerator(session, new FakeTokenizer());
        Assert.That(
            () => withTokenizer.GenerateAsync("text", new GenerationOptions { StopStrings = [""] }), Throws.InstanceOf<ArgumentException>());
    }

    [TestCase(new int[0])]
    [TestCase(new[] { 10 })]
    [TestCase(new[] { 1, -1 })]
    public void Prompt_outside_the_vocabulary_is_an_argument_error(int[] prompt)
    {
        using var session = new FakeSession(10, 100, 1);
        Assert.That(async () => await new TextGenerator(session).CompleteAsync(prompt), Throws.InstanceOf<ArgumentException>());
        Assert.That(session.Calls, Is.Zero);
    }

    [Test]
    public void Logits_that_are_not_numbers_are_a_typed_error()
    {
        using var session = new FakeSession(2, 100, 1) { Logits = _ => [0f, float.NaN] };
        Assert.That(async () => await new TextGenerator(session).CompleteAsync(new[] { 1 }), Throws.TypeOf<SamplingException>());
    }

    private static FakeSession Scripted(FakeTokenizer tokenizer, params int[] script) =>
        new(tokenizer.VocabularySize, 100, PromptLength, script);

    private static async Task<List<GeneratedPiece>> Collect(IAsyncEnumerable<GeneratedPiece> pieces)
    {
        var all = new List<GeneratedPiece>();
        await foreach (var piece in pieces)
        {
            all.Add(piece);
        }

        return all;
    }

    /// <summary>Counts what is posted to it and runs none of it, as a blocked user interface would.</summary>
    private sealed class RefusingContext : SynchronizationContext
    {
        public int Posts { get; private set; }

        public override void Post(SendOrPostCallback d, object? state) => Posts++;
    }
}
