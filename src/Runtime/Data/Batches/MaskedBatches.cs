namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Batches of masked sequences over windows of text: [CLS] text [SEP], or for the order of segments [CLS] A [SEP] B [SEP], where A
/// and B are consecutive and half of the time swapped (Lan et al. 2020). The target of [CLS] is then the class of the order: 0 as
/// in the text, 1 swapped. A function of seed and number. For one thread.
/// </summary>
/// <param name="text">Windows shorter than a sequence by <see cref="Added"/>.</param>
/// <param name="masking">Hides tokens.</param>
/// <param name="special">The tokens around the text.</param>
/// <param name="seed">Decides what is hidden, and which segments are swapped.</param>
/// <param name="order">Whether sequences are two segments.</param>
public sealed class MaskedBatches(IBatchSource text, Masking masking, SpecialTokens special, int seed, bool order) : IBatchSource
{
    private readonly ulong _seed = Shuffle.Mix((ulong)seed ^ 0x3C6EF372);
    private readonly long[] _windows = new long[text.Batch * text.Sequence];
    private readonly long[] _following = new long[text.Batch * text.Sequence];

    public int Batch => text.Batch;

    public int Sequence { get; } = text.Sequence + Added(order);

    /// <summary>Special tokens in a sequence.</summary>
    public static int Added(bool order) => order ? 3 : 2;

    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        text.Fill(index, _windows, _following);
        for (var row = 0; row < Batch; row++)
        {
            var key = Shuffle.Mix(Shuffle.Mix(_seed + (ulong)index) + (ulong)row);
            var sequence = tokens.Slice(row * Sequence, Sequence);
            var target = targets.Slice(row * Sequence, Sequence);
            ReadOnlySpan<long> window = _windows.AsSpan(row * text.Sequence, text.Sequence);
            sequence[0] = special.Cls;
            sequence[^1] = special.Sep;
            if (order)
            {
                var isSwapped = Join(window, sequence[1..^1], key);
                masking.Hide(sequence, target, Shuffle.Mix(key));
                target[0] = isSwapped ? 1 : 0;
            }
            else
            {
                window.CopyTo(sequence[1..]);
                masking.Hide(sequence, target, Shuffle.Mix(key));
            }
        }
    }

    /// <summary>Divides a window in its middle half, and joins the parts with [SEP] between them.</summary>
    /// <returns>Whether the second stands first.</returns>
    private bool Join(ReadOnlySpan<long> window, Span<long> into, ulong key)
    {
        var quarter = window.Length / 4;
        var cut = quarter + (int)((key >> 8) % (ulong)(window.Length - (2 * quarter) + 1));
        cut = Math.Clamp(cut, 1, window.Length - 1);
        var isSwapped = (key & 1) == 1;
        var first = isSwapped ? window[cut..] : window[..cut];
        var second = isSwapped ? window[..cut] : window[cut..];
        first.CopyTo(into);
        into[first.Length] = special.Sep;
        second.CopyTo(into[(first.Length + 1)..]);
        return isSwapped;
    }
}
