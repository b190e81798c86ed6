using Llama.Gpu.Jit.Runtime;
using Llama.Gpu.Scheduling;

namespace Llama.Gpu.Model;

public sealed partial class DecoderSession : ITokenSession
{
    private readonly bool _choosesOnDevice;
    private TokenStep? _tokenStep;
    private bool _hasNoRoom;

    /// <summary>Why tokens are launched one kernel after the other where they could be replayed as a graph; null if nothing went wrong.</summary>
    public string? GraphProblem => _tokenStep?.GraphProblem;

    /// <inheritdoc/>
    public int? ForwardAndChoose(
        ReadOnlySpan<int> tokens, TokenChoice choice, out ReadOnlySpan<float> logits, CancellationToken cancellationToken = default)
    {
        Check(tokens);
        if (!_choosesOnDevice || Observer is not null || !TryPrepare())
        {
            logits = Forward(tokens, cancellationToken);
            return null;
        }

        int last = (tokens.Length - 1) / _state.ChunkLength * _state.ChunkLength;
        int start = Position;
        int id;
        try
        {
            for (int done = 0; done < last; done += _state.ChunkLength)
            {
                _decoder.Forward(tokens.Slice(done, _state.ChunkLength), _state, wantsLogits: false, cancellationToken);
            }

            id = _tokenStep!.Next(tokens[last..], choice, cancellationToken);
        }
        catch
        {
            _state.Position = start;
            throw;
        }

        if (id >= 0)
        {
            logits = [];
            return id;
        }

        _state.Logits.CopyToCPU(_model.Accelerator.DefaultStream, _logits);
        logits = _logits;
        return null;
    }

    // a budget that has no room for it leaves the choice to the host
    private bool TryPrepare()
    {
        if (_tokenStep is null && !_hasNoRoom)
        {
            try
            {
                _tokenStep = new TokenStep(_model, _decoder, _state);
            }
            catch (MemoryBudgetException)
            {
                _hasNoRoom = true;
            }
        }

        return _tokenStep is not null;
    }
}
