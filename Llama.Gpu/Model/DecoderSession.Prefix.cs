using Llama.Gpu.Jit.Runtime;

namespace Llama.Gpu.Model;

public sealed partial class DecoderSession : IPrefixSession
{
    /// <inheritdoc/>
    public bool TryCopyPrefix(IDecoderSession source, int endPosition)
    {
        if (source is not DecoderSession { _state: var from } other || other._model != _model
            || from.KeyCache[0].Type != _state.KeyCache[0].Type)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(endPosition, Position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(endPosition, Math.Min(source.Position, ContextLength));
        for (int layer = 0; layer < _state.KeyCache.Length && endPosition > Position; layer++)
        {
            CopyRows(from.KeyCache[layer], _state.KeyCache[layer]);
            CopyRows(from.ValueCache[layer], _state.ValueCache[layer]);
        }

        _state.Position = endPosition;
        return true;

        // (S, kvHeads, headDim): a position is a row
        void CopyRows(WeightView rows, WeightView target)
        {
            long rowBytes = target.Data.Length / ContextLength;
            long start = Position * rowBytes;
            long length = (endPosition - Position) * rowBytes;
            rows.Data.SubView(start, length).CopyTo(target.Data.SubView(start, length));
        }
    }
}
