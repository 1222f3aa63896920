using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class LearningRateScheduleTests
{
    private const double Peak = 1e-3;

    [Fact]
    public void Rises_linearly_to_the_peak_at_the_last_warm_up_step()
    {
        var schedule = Schedule(DecayKind.Cosine);
        Assert.Equal(Peak / 10, schedule.At(0), 15);
        Assert.Equal(Peak / 2, schedule.At(4), 15);
        Assert.Equal(Peak, schedule.At(9), 15);
    }

    [Theory]
    [InlineData(DecayKind.Cosine, 0.1 + 0.9 * 0.5, 0.1)]
    [InlineData(DecayKind.Linear, 0.1 + 0.9 * 0.5, 0.1)]
    [InlineData(DecayKind.Constant, 1, 1)]
    public void Decays_from_the_peak_to_the_final_share_at_the_last_step(DecayKind decay, double middle, double last)
    {
        var schedule = Schedule(decay);
        Assert.Equal(Peak, schedule.At(10), 15);
        Assert.Equal(Peak * middle, schedule.At(60), 15);
        Assert.Equal(Peak * last, schedule.At(110), 15);
    }

    [Fact]
    public void A_quarter_of_the_cosine_is_above_the_line()
    {
        Assert.Equal(Peak * (0.1 + 0.9 * (1 + Math.Sqrt(0.5)) / 2), Schedule(DecayKind.Cosine).At(35), 15);
        Assert.Equal(Peak * (0.1 + 0.9 * 0.75), Schedule(DecayKind.Linear).At(35), 15);
    }

    [Theory]
    [InlineData(CoolDownKind.Linear, 0.5)]
    [InlineData(CoolDownKind.Sqrt, 0.29289321881345254)]
    public void Wsd_is_stable_until_it_cools_down(CoolDownKind coolDown, double middle)
    {
        var settings = TestSettings.Create() with
        {
            LearningRate = Peak, Warmup = 10, Decay = DecayKind.Wsd, DecayShare = 0.2, CoolDown = coolDown, Final = 0.1,
        };
        var schedule = new LearningRateSchedule(settings, Steps: 100);
        Assert.Equal(Peak / 2, schedule.At(4), 15);
        Assert.Equal(Peak, schedule.At(10), 15);
        Assert.Equal(Peak, schedule.At(79), 15);
        Assert.True(schedule.At(80) < Peak);
        Assert.Equal(Peak * (0.1 + (0.9 * middle)), schedule.At(89), 15);
        Assert.Equal(Peak * 0.1, schedule.At(99), 15);
    }

    [Fact]
    public void A_run_shorter_than_its_warm_up_only_rises()
    {
        var schedule = Schedule(DecayKind.Linear) with { Steps = 5 };
        Assert.Equal(Peak / 2, schedule.At(4), 15);
    }

    [Fact]
    public void Without_a_warm_up_it_starts_at_the_peak() =>
        Assert.Equal(Peak, new LearningRateSchedule(TestSettings.Create() with { LearningRate = Peak, Warmup = 0 }, 1).At(0), 15);

    private static LearningRateSchedule Schedule(DecayKind decay) =>
        new(TestSettings.Create() with { LearningRate = Peak, Warmup = 10, Decay = decay, Final = 0.1 }, Steps: 111);
}
