using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

/// <summary>The scaler beside the rule as the field states it.</summary>
public sealed class LossScalerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void As_the_rule_says_for_any_steps(int seed)
    {
        var random = new Random(seed);
        var scaler = new LossScaler(initial: 1024, growth: 2, interval: 4, backoff: 0.5);
        var (scale, inARow, overflows) = (1024.0, 0, 0);
        for (var step = 0; step < 1000; step++)
        {
            var overflow = random.NextDouble() < 0.2;
            var norm = !overflow ? 1 : random.Next(2) == 0 ? double.NaN : double.PositiveInfinity;
            var skipped = scaler.Overflowed(loss: 2, norm);

            Assert.Equal(overflow && scale > 1, skipped);
            if (overflow)
            {
                if (scale > 1) (scale, overflows) = (scale / 2, overflows + 1);
                inARow = 0;
            }
            else if (++inARow == 4)
            {
                (scale, inARow) = (Math.Min(scale * 2, 16777216), 0);
            }

            Assert.Equal((scale, (long)overflows), (scaler.Scale, scaler.Overflows));
        }
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_not_an_overflow()
    {
        var scaler = new LossScaler(initial: 1024, growth: 2, interval: 4, backoff: 0.5);
        Assert.False(scaler.Overflowed(double.NaN, double.NaN));
        Assert.Equal((1024.0, 0L), (scaler.Scale, scaler.Overflows));
    }

    [Fact]
    public void A_fixed_scale_leaves_overflows_to_the_run()
    {
        var scaler = new LossScaler(initial: 1024, growth: 1, interval: 1, backoff: 1);
        Assert.False(scaler.Overflowed(1, 1));
        Assert.False(scaler.Overflowed(1, double.PositiveInfinity));
        Assert.Equal(1024, scaler.Scale);
    }
}
