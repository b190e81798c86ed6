using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Llama.Gpu.Model;
using Llama.Gpu.Tokenization;

namespace Llama.Gpu.Generation;

/// <summary>One generation, a token a step. Steps run on a thread of the pool.</summary>
internal sealed class GenerationRun
{
    private readonly IDecoderSession _session;
    private readonly IncrementalDecoder? _decoder;
    private readonly int[] _prompt;
    private readonly List<int> _context;
    private readonly Sampler _sampler;
    private readonly StopConditions _stop;
    private readonly ImmutableArray<int>.Builder _ids = ImmutableArray.CreateBuilder<int>();
    private readonly ImmutableArray<TokenLogProbability>.Builder _logProbabilities = ImmutableArray.CreateBuilder<TokenLogProbability>();
    private readonly int? _topLogProbabilities;
    private readonly StringBuilder _text = new();
    private TimeSpan _prefillTime;
    private TimeSpan _decodeTime;
    private bool _prefilled;

    /// <param name="session">Where the prompt is appended.</param>
    /// <param name="tokenizer">Turns ids into text, if there is one.</param>
    /// <param name="prompt">At least one id.</param>
    /// <param name="context">The ids the session holds, as far as they are known; kept up to date.</param>
    /// <param name="sampler">Chooses the tokens.</param>
    /// <param name="stop">Ends the run.</param>
    /// <param name="options">What else is wanted of it.</param>
    public GenerationRun(
        IDecoderSession session,
        ITokenizer? tokenizer,
        int[] prompt,
        List<int> context,
        Sampler sampler,
        StopConditions stop,
        GenerationOptions options)
    {
        _topLogProbabilities = options.LogProbabilities;
        _session = session;
        _prompt = prompt;
        _context = context;
        _sampler = sampler;
        _stop = stop;
        if (tokenizer is not null)
        {
            // a character may begin in the prompt, and what a token's text is may depend on whether it comes first
            _decoder = new IncrementalDecoder(tokenizer, continues: !options.StandsAlone);
            foreach (int id in options.StandsAlone ? [] : prompt)
            {
                TextOf(id);
            }
        }
    }

    /// <summary>Generates the next piece; the last one carries the result.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the session holds what it held after the last whole step.</exception>
    public async Task<GeneratedPiece> StepAsync(CancellationToken cancellationToken)
    {
        int[] tokens = _prefilled ? [_ids[^1]] : _prompt;
        var clock = new PassClock(_session);
        TokenChoice? choice = _stop.Reason is null && _topLogProbabilities is null
            ? _sampler.ChoiceAfter(_context.Count + tokens.Length)
            : null;
        if (_session is TrackedSession shared)
        {
            var (chosen, logits) = await shared.ForwardAsync(tokens, choice, cancellationToken).ConfigureAwait(false);
            return Next(tokens, chosen, logits.Span, clock);
        }

        return await Task.Run(
            () =>
            {
                int? chosen = Forward(tokens, choice, out var logits, cancellationToken);
                return Next(tokens, chosen, logits, clock);
            },
            cancellationToken).ConfigureAwait(false);
    }

    // the session chooses where it can and nobody needs the logits; else they are there
    private int? Forward(int[] tokens, TokenChoice? choice, out ReadOnlySpan<float> logits, CancellationToken cancellationToken)
    {
        if (choice is { } wanted && _session is ITokenSession session)
        {
            return session.ForwardAndChoose(tokens, wanted, out logits, cancellationToken);
        }

        logits = _session.Forward(tokens, cancellationToken);
        return null;
    }

    private GeneratedPiece Next(int[] tokens, int? chosen, ReadOnlySpan<float> logits, PassClock clock)
    {
        _context.AddRange(tokens);
        int? id = chosen ?? (_stop.Reason is null ? _sampler.Sample(logits, CollectionsMarshal.AsSpan(_context)) : null);
        TokenLogProbability? logProbability = id is int sampled && _topLogProbabilities is int top
            ? TokenLogProbability.Of(logits, sampled, top)
            : null;
        if (_prefilled)
        {
            _decodeTime += clock.Elapsed;
        }
        else
        {
            _prefillTime = clock.Elapsed;
        }

        _prefilled = true;
        string text = id is int generated ? Accept(generated) : string.Empty;
        if (logProbability is not null)
        {
            _logProbabilities.Add(logProbability);
        }

        return new GeneratedPiece(text, id is null ? [] : [id.Value], _stop.Reason is StopReason reason ? Result(reason) : null)
        {
            LogProbabilities = logProbability is null ? [] : [logProbability],
        };
    }

    private string Accept(int id)
    {
        _ids.Add(id);
        bool contextFull = _session.Position >= _session.ContextLength;
        string text = _stop.Accept(id, TextOf, () => _decoder?.Flush() ?? string.Empty, contextFull);
        _text.Append(text);
        return text;
    }

    private string TextOf(int id)
    {
        try
        {
            return _decoder?.Append(id) ?? string.Empty;
        }
        catch (ArgumentOutOfRangeException)
        {
            // a model's vocabulary may be padded beyond its tokenizer's, which may have gaps too: such an id has no text
            return string.Empty;
        }
    }

    private GenerationResult Result(StopReason reason) => new()
    {
        Text = _text.ToString(),
        Ids = _ids.ToImmutable(),
        LogProbabilities = _logProbabilities.ToImmutable(),
        PromptIds = [.. _prompt],
        StopReason = reason,
        StopString = _stop.StopString,
        Seed = _sampler.Seed,
        PrefillTime = _prefillTime,
        DecodeTime = _decodeTime,
    };

    /// <summary>Time since it was made, less what went into compiling kernels: that comes once, with the first tokens.</summary>
    private sealed class PassClock(IDecoderSession session)
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private readonly TimeSpan _loadTime = session.KernelLoadTime;

        public TimeSpan Elapsed
        {
            get
            {
                var time = Stopwatch.GetElapsedTime(_start) - (session.KernelLoadTime - _loadTime);
                return time > TimeSpan.Zero ? time : TimeSpan.Zero;
            }
        }
    }
}
