using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class SamplerTests
{
    // Probabilities 0.1, 0.4, 0.2, 0.3.
    private static readonly float[] s_logits = [.. new[] { 0.1, 0.4, 0.2, 0.3 }.Select(p => (float)Math.Log(p))];

    [Fact]
    public void Temperature_zero_takes_the_most_likely_token() =>
        Assert.Equal([1, 1, 1, 1], Draw(new SamplingOptions { Temperature = 0 }, 4));

    [Fact]
    public void The_same_seed_draws_the_same_tokens_and_another_seed_others()
    {
        var options = new SamplingOptions { Temperature = 1, Seed = 7 };
        Assert.Equal(Draw(options, 100), Draw(options, 100));
        Assert.NotEqual(Draw(options, 100), Draw(options with { Seed = 8 }, 100));
    }

    [Fact]
    public void Draws_follow_the_probabilities() =>
        AssertShares(new SamplingOptions { Temperature = 1 }, [0.1, 0.4, 0.2, 0.3]);

    [Fact]
    public void A_low_temperature_sharpens_them() =>
        AssertShares(new SamplingOptions { Temperature = 0.5 }, [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]);

    [Fact]
    public void Top_k_keeps_the_k_most_likely() =>
        AssertShares(new SamplingOptions { Temperature = 1, TopK = 2 }, [0, 0.4 / 0.7, 0, 0.3 / 0.7]);

    [Fact]
    public void Top_p_keeps_the_fewest_that_reach_p() =>
        AssertShares(new SamplingOptions { Temperature = 1, TopP = 0.75 }, [0, 0.4 / 0.9, 0.2 / 0.9, 0.3 / 0.9]);

    [Fact]
    public void Top_p_counts_within_top_k() =>
        // Of the two most likely, the first alone has 0.4 / 0.7 of the probability.
        AssertShares(new SamplingOptions { Temperature = 1, TopK = 2, TopP = 0.5 }, [0, 1, 0, 0]);

    [Fact]
    public void Min_p_keeps_those_with_a_share_of_the_most_likely() =>
        AssertShares(new SamplingOptions { Temperature = 1, MinP = 0.6 }, [0, 0.4 / 0.7, 0, 0.3 / 0.7]);

    /// <summary>The entropy is 1.28 nats; information 2.3, 0.92, 1.61 and 1.2: nearest are the fourth token, then the third.</summary>
    [Fact]
    public void Typical_keeps_those_whose_information_is_nearest_to_the_entropy() =>
        AssertShares(new SamplingOptions { Temperature = 1, Typical = 0.45 }, [0, 0, 0.4, 0.6]);

    [Fact]
    public void Bias_is_added_to_logits() =>
        AssertShares(
            new SamplingOptions { Temperature = 1, Bias = new Dictionary<int, float> { [1] = float.NegativeInfinity, [0] = MathF.Log(3) } }, [0.3 / 0.8, 0, 0.2 / 0.8, 0.3 / 0.8]);

    [Fact]
    public void A_bias_of_no_token_is_refused() =>
        Assert.Contains("token 4", Assert.Throws<ArgumentException>(() => Draw(new SamplingOptions { Bias = new Dictionary<int, float> { [4] = 1 } }, 1)).Message);

    /// <summary>Of prompt and generated tokens, each once: negative logits are multiplied, positive ones divided.</summary>
    [Fact]
    public void Repetition_penalty()
    {
        float[] logits = [2, -2, 1, 0.5f];
        var probabilities = new Sampler(new SamplingOptions { Temperature = 1, RepetitionPenalty = 2 }).Probabilities(logits, [0, 1, 1, 0], prompt: 1);
        AssertClose(Softmax([1, -4, 1, 0.5]), probabilities);
    }

    /// <summary>Of generated tokens only: by how often, and once.</summary>
    [Fact]
    public void Frequency_and_presence_penalty()
    {
        float[] logits = [2, -2, 1, 0.5f];
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, FrequencyPenalty = 0.25, PresencePenalty = 0.5 });
        AssertClose(Softmax([2, -2 - 0.75, 1 - 1.25, 0.5]), sampler.Probabilities(logits, [0, 3, 2, 1, 2, 2], prompt: 2));

        // Counts of a text are not those of the next.
        AssertClose(Softmax([2, -2, 1, 0.5]), sampler.Probabilities(logits, [0, 1], prompt: 2));
    }

    /// <summary>All filters together, on larger distributions, against their definitions by sorting.</summary>
    [Theory]
    [InlineData(0, 0.9, 0, 1)]
    [InlineData(20, 1, 0, 1)]
    [InlineData(50, 0.7, 0, 1)]
    [InlineData(0, 1, 0.2, 1)]
    [InlineData(0, 1, 0, 0.6)]
    [InlineData(40, 0.95, 0.02, 0.8)]
    public void Filters_follow_their_definitions(int topK, double topP, double minP, double typical)
    {
        var random = new Random(3);
        for (var round = 0; round < 20; round++)
        {
            // Rounded, so that there are ties.
            float[] logits = [.. Enumerable.Range(0, 300).Select(_ => MathF.Round((float)random.NextDouble() * 8, 1))];
            var options = new SamplingOptions { Temperature = 0.7, TopK = topK, TopP = topP, MinP = minP, Typical = typical };
            AssertClose(Expected(logits, options), new Sampler(options).Probabilities(logits));
        }
    }

    private static double[] Expected(float[] logits, SamplingOptions options)
    {
        var kept = Softmax([.. logits.Select(logit => logit / options.Temperature)]).Select((p, token) => (Token: token, P: p)).ToList();
        void Keep(IEnumerable<(int Token, double P)> some)
        {
            kept = [.. some];
            var sum = kept.Sum(candidate => candidate.P);
            kept = [.. kept.Select(candidate => (candidate.Token, candidate.P / sum))];
        }

        IEnumerable<(int Token, double P)> Reaching(IEnumerable<(int Token, double P)> ordered, double share)
        {
            var sum = 0.0;
            foreach (var candidate in ordered)
            {
                if (sum >= share - 1e-9) yield break;
                sum += candidate.P;
                yield return candidate;
            }
        }

        double Rank(double value) => Math.Round(value, 6); // ties in fp32
        if (options.TopK > 0) Keep(kept.OrderByDescending(c => logits[c.Token]).ThenBy(c => c.Token).Take(options.TopK));
        if (options.TopP < 1) Keep(Reaching(kept.OrderByDescending(c => logits[c.Token]).ThenBy(c => c.Token), options.TopP));
        if (options.MinP > 0) Keep(kept.Where(c => Rank(c.P) >= Rank(options.MinP * kept.Max(other => other.P))));
        if (options.Typical < 1)
        {
            var entropy = -kept.Sum(c => c.P * Math.Log(c.P));
            var ordered = kept.Select((c, i) => (c.Token, c.P, i)).OrderBy(c => Rank(Math.Abs(-Math.Log(c.P) - entropy))).ThenBy(c => c.i);
            Keep(Reaching(ordered.Select(c => (c.Token, c.P)), options.Typical));
        }

        var probabilities = new double[logits.Length];
        foreach (var (token, p) in kept) probabilities[token] = p;
        return probabilities;
    }

    private static double[] Softmax(double[] logits)
    {
        var sum = logits.Sum(Math.Exp);
        return [.. logits.Select(logit => Math.Exp(logit) / sum)];
    }

    private static void AssertClose(double[] expected, ReadOnlySpan<float> found)
    {
        for (var token = 0; token < expected.Length; token++) Assert.Equal(expected[token], found[token], 1e-5);
    }

    [Fact]
    public void Equally_likely_tokens_are_kept_in_their_order() =>
        Assert.All(Draw(new SamplingOptions { Temperature = 1, TopK = 2 }, 100, new float[50]), token => Assert.InRange(token, 0, 1));

    [Fact]
    public void An_excluded_token_is_never_drawn() =>
        Assert.DoesNotContain(1, Draw(new SamplingOptions { Temperature = 100 }, 1000, [0, float.NegativeInfinity, 0]));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Broken_logits_are_refused(float logit)
    {
        var error = Assert.Throws<ArithmeticException>(() => Draw(new SamplingOptions(), 1, [0, logit, 1]));
        Assert.Contains("weights are broken", error.Message);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { Temperature = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { TopK = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { TopP = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { TopP = 1.1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { MinP = 1.1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { Typical = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { RepetitionPenalty = 0 }));
    }

    private static void AssertShares(SamplingOptions options, double[] expected)
    {
        const int Draws = 20_000;
        var tokens = Draw(options, Draws);
        for (var token = 0; token < expected.Length; token++)
        {
            var share = tokens.Count(drawn => drawn == token) / (double)Draws;
            if (expected[token] == 0)
                Assert.Equal(0, share);
            else
                Assert.Equal(expected[token], share, 0.015); // four standard deviations
        }
    }

    private static int[] Draw(SamplingOptions options, int count, float[]? logits = null)
    {
        var sampler = new Sampler(options);
        return [.. Enumerable.Range(0, count).Select(_ => sampler.Sample(logits ?? s_logits))];
    }
}
