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
