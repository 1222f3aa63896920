using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>What each query of a segment sees: where its document begins, in the segment or in the memory before it.</summary>
internal sealed class SegmentView(Device device) : IDisposable
{
    private int[] _starts = []; // [B, T]: the token of the segment with which the query's document begins, or −1
    private long[] _first = []; // [B, T]
    private Tensor? _all;
    private Tensor? _window;
    private int _batch;

    /// <summary>T</summary>
    public int Sequence { get; private set; }

    /// <summary>Looks at the tokens [B, T] of a batch.</summary>
    /// <param name="startOfText">The token before a document.</param>
    /// <param name="memory">M</param>
    /// <param name="history">[B]: how many tokens of its document each row has had before.</param>
    public void Begin(ReadOnlySpan<long> tokens, int batch, int startOfText, int memory, ReadOnlySpan<int> history)
    {
        (_batch, Sequence) = (batch, tokens.Length / batch);
        if (_starts.Length != batch * Sequence)
        {
            (_starts, _first) = (new int[batch * Sequence], new long[batch * Sequence]);
            Dispose();
            _all = zeros([_first.Length], ScalarType.Int64, device).DetachFromDisposeScope();
            _window = zeros([_first.Length], ScalarType.Int64, device).DetachFromDisposeScope();
        }

        for (var row = 0; row < batch; row++)
        {
            var start = -1;
            for (var t = 0; t < Sequence; t++)
            {
                var at = (row * Sequence) + t;
                if (tokens[at] == startOfText) start = t;
                (_starts[at], _first[at]) = (start, start < 0 ? memory - Math.Min(memory, history[row]) : memory + start);
            }
        }

        Copy(_all!);
        // Position s is t + M − s back: a window of M positions, the query's own among them, ends at s = t + 1.
        for (var at = 0; at < _first.Length; at++) _first[at] = Math.Max(_first[at], (at % Sequence) + 1);
        Copy(_window!);
    }

    /// <summary>The first position that each query sees, int64 [B·T], counted from the memory's first.</summary>
    /// <param name="sameLength">Whether a query sees M positions and no more.</param>
    /// <param name="into">Where it is written.</param>
    public void Write(bool sameLength, Tensor into) => into.copy_(sameLength ? _window! : _all!);

    /// <summary>How many tokens of its document each row has had after the segment.</summary>
    public void Pass(Span<int> history)
    {
        for (var row = 0; row < _batch; row++)
        {
            var start = _starts[((row + 1) * Sequence) - 1];
            history[row] = start < 0 ? (int)Math.Min(int.MaxValue, (long)history[row] + Sequence) : Sequence - start;
        }
    }

    public void Dispose()
    {
        _all?.Dispose();
        _window?.Dispose();
    }

    private void Copy(Tensor into)
    {
        using var host = tensor(_first);
        into.copy_(host);
    }
}
