using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Inference;

/// <summary>
/// A sequence of a program that follows a text: it knows which tokens are in the cache, takes back those that the text does not have, and feeds
/// what is new. When the context is full, the window starts again from the last half of the text.
/// </summary>
internal sealed class CachedSequence(IInferenceProgram program, int sequence)
{
    /// <summary>Most tokens between two looks at a cancellation.</summary>
    private const int Piece = 512;

    private readonly List<int> _cached = [];
    private int _start;

    /// <summary>Tokens of a window that starts again.</summary>
    private int Half => Math.Max(1, program.Context / 2);

    /// <summary>Tokens that a text has in common with what is in the cache.</summary>
    public int Common(ReadOnlySpan<int> text) => _start > 0 ? 0 : text.CommonPrefixLength(CollectionsMarshal.AsSpan(_cached));

    /// <summary>Tokens that still fit behind a text of this length.</summary>
    public int Room(int length) => program.Context - (length - _start > program.Context ? Half : length - _start);

    /// <summary>Begins another text.</summary>
    /// <returns>How many of its tokens are in the cache.</returns>
    public int Begin(ReadOnlySpan<int> text)
    {
        // A window is not where the text begins.
        if (_start > 0) Truncate(0);
        _start = 0;
        Fresh(text, rows: 1);
        return _cached.Count;
    }

    /// <summary>The logits after each of the last tokens of a text, [rows, V].</summary>
    public ReadOnlySpan<float> Advance(ReadOnlySpan<int> text, int rows, CancellationToken cancellation)
    {
        var fresh = Feed(Fresh(text, rows), keep: rows, cancellation);
        var logits = program.Forward(sequence, fresh, rows);
        _cached.AddRange(fresh);
        return logits;
    }

    /// <summary>Feeds all but the last token of a text.</summary>
    public void FeedAllButLast(ReadOnlySpan<int> text, CancellationToken cancellation)
    {
        var fresh = Feed(Fresh(text, rows: 1), keep: 1, cancellation);
        if (fresh.Length == 1) return;
        program.Forward(sequence, fresh[..^1]);
        _cached.AddRange(fresh[..^1]);
    }

    /// <summary>Takes note of a token that the program was fed.</summary>
    public void Fed(int token) => _cached.Add(token);

    /// <summary>Feeds pieces, and returns the last one.</summary>
    private ReadOnlySpan<int> Feed(ReadOnlySpan<int> fresh, int keep, CancellationToken cancellation)
    {
        while (fresh.Length > Piece && fresh.Length - Piece >= keep)
        {
            cancellation.ThrowIfCancellationRequested();
            program.Forward(sequence, fresh[..Piece]);
            _cached.AddRange(fresh[..Piece]);
            fresh = fresh[Piece..];
        }

        cancellation.ThrowIfCancellationRequested();
        return fresh;
    }

    /// <summary>What of a text is not in the cache, at least the last rows.</summary>
    private ReadOnlySpan<int> Fresh(ReadOnlySpan<int> text, int rows)
    {
        if (text.Length - _start > program.Context)
        {
            _start = text.Length - rows + 1 - Half;
            Truncate(0);
        }

        var window = text[_start..];
        var common = window.CommonPrefixLength(CollectionsMarshal.AsSpan(_cached));
        Truncate(Math.Min(common, window.Length - rows));
        return window[_cached.Count..];
    }

    private void Truncate(int position)
    {
        // After a failed call the program may be ahead of what is noted here, or start anew.
        var kept = program.Truncate(sequence, Math.Min(position, _cached.Count));
        _cached.RemoveRange(kept, _cached.Count - kept);
    }
}
