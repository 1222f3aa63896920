using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Tests.Data.Batches;

public sealed class MaskedBatchesTests
{
    private const int Vocabulary = 256, Batch = 50, Window = 100;

    private static readonly SpecialTokens s_special = new(256, 257, 258, 259);

    [Fact]
    public void Fifteen_percent_are_to_be_predicted_and_of_these_80_10_10_are_masked_random_and_kept()
    {
        var (masked, random, kept, ignored) = (0, 0, 0, 0);
        for (var index = 0; index < 20; index++)
        {
            var (tokens, targets) = Fill(order: false, seed: 1, index);
            for (var row = 0; row < Batch; row++)
            {
                var (sequence, target) = (tokens[(row * (Window + 2))..((row + 1) * (Window + 2))], targets[(row * (Window + 2))..((row + 1) * (Window + 2))]);
                Assert.Equal((257, 258), (sequence[0], sequence[^1]));
                Assert.Equal(15, target.Count(t => t != Masking.Ignored));
                for (var t = 0; t < sequence.Length; t++)
                {
                    var text = t is 0 or Window + 1 ? -1 : Text(index, row, t - 1);
                    if (target[t] == Masking.Ignored)
                    {
                        ignored++;
                        if (text >= 0) Assert.Equal(text, sequence[t]);
                        continue;
                    }

                    Assert.Equal(text, target[t]);
                    if (sequence[t] == s_special.Mask) masked++;
                    else if (sequence[t] == text) kept++;
                    else random++;
                    Assert.True(sequence[t] < Vocabulary || sequence[t] == s_special.Mask);
                }
            }
        }

        var all = (double)(masked + random + kept);
        Assert.Equal(20 * Batch * 15, all);
        Assert.InRange(masked / all, 0.78, 0.82);
        Assert.InRange(random / all, 0.085, 0.115);
        Assert.InRange(kept / all, 0.085, 0.115);
    }

    [Fact]
    public void Everything_follows_from_seed_and_number()
    {
        Assert.Equal(Fill(order: true, seed: 1, 7).Tokens, Fill(order: true, seed: 1, 7).Tokens);
        Assert.Equal(Fill(order: true, seed: 1, 7).Targets, Fill(order: true, seed: 1, 7).Targets);
        Assert.NotEqual(Fill(order: true, seed: 1, 7).Targets, Fill(order: true, seed: 2, 7).Targets);
        // The same text is hidden elsewhere the next time: places of different batches agree by chance only.
        var (one, other) = (Fill(order: false, seed: 1, 7).Targets, Fill(order: false, seed: 1, 8).Targets);
        var both = one.Zip(other).Count(pair => pair is (not Masking.Ignored, not Masking.Ignored));
        Assert.InRange(both / (double)(Batch * 15), 0.08, 0.22);
    }

    [Fact]
    public void Segments_are_consecutive_and_half_of_them_are_swapped()
    {
        var swapped = 0;
        for (var index = 0; index < 20; index++)
        {
            var (tokens, targets) = Fill(order: true, seed: 3, index);
            for (var row = 0; row < Batch; row++)
            {
                var sequence = tokens[(row * (Window + 3))..((row + 1) * (Window + 3))];
                var target = targets[(row * (Window + 3))..((row + 1) * (Window + 3))];
                // The text again: what was hidden from the targets.
                for (var t = 1; t < sequence.Length; t++)
                    if (target[t] != Masking.Ignored) sequence[t] = target[t];
                var end = Array.IndexOf(sequence, 258L);
                Assert.InRange(end, 1 + (Window / 4), Window - (Window / 4) + 1);
                Assert.Equal((257, 258), (sequence[0], sequence[^1]));
                long[] first = sequence[1..end], second = sequence[(end + 1)..^1];
                long[] text = [.. Enumerable.Range(0, Window).Select(t => Text(index, row, t))];
                Assert.Contains(target[0], new[] { 0L, 1L });
                Assert.Equal(text, target[0] == 0 ? [.. first, .. second] : [.. second, .. first]);
                swapped += (int)target[0];
            }
        }

        Assert.InRange(swapped / (20.0 * Batch), 0.45, 0.55);
    }

    [Theory]
    [InlineData("A", "0")]
    [InlineData("A S", "00")]
    [InlineData("A S B S", "0011")]
    [InlineData("A S B S P", "00111")]
    [InlineData("S S S", "011")]
    public void Parts_end_with_separators(string tokens, string expected)
    {
        long[] sequence = [.. tokens.Split(' ').Select(token => token switch { "S" => 258L, "P" => 256L, _ => 65L })];
        var types = new long[sequence.Length];
        new SequenceParts(258, 2).Write(sequence, types);
        Assert.Equal(expected, string.Concat(types));
    }

    private static long Text(long index, int row, int place) => (((index * 31) + (row * 17) + (place * place * 7) + place) % (Vocabulary - 1)) + 1;

    private static (long[] Tokens, long[] Targets) Fill(bool order, int seed, long index)
    {
        var source = new MaskedBatches(new Numbered(), new Masking(s_special, Vocabulary, 0.15), s_special, seed, order);
        var (tokens, targets) = (new long[Batch * source.Sequence], new long[Batch * source.Sequence]);
        source.Fill(index, tokens, targets);
        return (tokens, targets);
    }

    private sealed class Numbered : IBatchSource
    {
        public int Batch => MaskedBatchesTests.Batch;

        public int Sequence => Window;

        public void Fill(long index, Span<long> tokens, Span<long> targets)
        {
            for (var row = 0; row < Batch; row++)
                for (var place = 0; place < Window; place++)
                    tokens[(row * Window) + place] = Text(index, row, place);
        }
    }
}
