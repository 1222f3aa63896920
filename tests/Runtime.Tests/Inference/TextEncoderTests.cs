using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class TextEncoderTests
{
    private readonly TextEncoder _encoder = new(new Echo(), new ByteTokenizer(), new SpecialTokens(256, 257, 258, 259));

    [Fact]
    public void Texts_are_put_between_special_tokens()
    {
        Assert.Equal([257, 'a', 259, 'b', 258], _encoder.Tokens("a[MASK]b"));
        Assert.Equal([257, 'a', 258, 'b', 258], _encoder.Tokens("a", "b"));
    }

    [Fact]
    public void Each_mask_gets_its_candidates_by_probability()
    {
        var masks = _encoder.FillMasks("a[MASK][MASK]", most: 2);
        Assert.Equal(["C", "B"], masks[0].Select(candidate => candidate.Text)); // the mask's place is 2
        Assert.Equal(["D", "C"], masks[1].Select(candidate => candidate.Text));
        // 102, 101 and that of [MASK], 100.
        Assert.Equal(1 / (1 + Math.Exp(-1) + Math.Exp(-2)), masks[0][0].Probability, 1e-4);
        Assert.Contains("no [MASK]", Assert.Throws<ArgumentException>(() => _encoder.FillMasks("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_embedding_has_length_one()
    {
        // The vectors are (token, 1): their mean or the first, normalized.
        var first = _encoder.Embed("a", PoolingKind.Cls);
        Assert.Equal(257 / Math.Sqrt((257 * 257) + 1), first[0], 1e-5);
        var mean = _encoder.Embed("a", PoolingKind.Mean);
        var expected = (257 + 97 + 258) / 3.0;
        Assert.Equal(1 / Math.Sqrt((expected * expected) + 1), mean[1], 1e-5);
        Assert.Equal(1, mean.Sum(x => x * x), 1e-5);
    }

    [Fact]
    public void Classes_are_probabilities_and_long_texts_are_cut()
    {
        var probabilities = _encoder.Classify(new string('a', 100));
        Assert.Equal(1, probabilities.Sum(), 1e-5);
        Assert.Equal(Math.Exp(8) / (Math.Exp(8) + 1), probabilities[0], 1e-5); // eight tokens were read
    }

    /// <summary>Predicts the letter of a token's place, and one letter less with less confidence; its vectors are its tokens.</summary>
    private sealed class Echo : IEncoderProgram
    {
        public int Context => 8;

        public int Width => 2;

        public ReadOnlySpan<float> Encode(ReadOnlySpan<int> tokens) => tokens.ToArray().SelectMany(token => new[] { token, 1f }).ToArray();

        public ReadOnlySpan<float> Predict(ReadOnlySpan<int> tokens)
        {
            var logits = new float[tokens.Length * 260];
            for (var t = 0; t < tokens.Length; t++)
            {
                logits[(t * 260) + 259] = 100; // never a candidate: it stands for no text
                (logits[(t * 260) + 'A' + t], logits[(t * 260) + 'A' + t - 1]) = (102, 101);
            }

            return logits;
        }

        public ReadOnlySpan<float> Classify(ReadOnlySpan<int> tokens) => new float[] { tokens.Length, 0 };

        public void Dispose()
        {
        }
    }
}
