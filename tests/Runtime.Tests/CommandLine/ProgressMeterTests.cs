using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.CommandLine;

public sealed class ProgressMeterTests
{
    [Fact]
    public void Speed_and_remaining_time_leave_out_the_first_step()
    {
        var clock = new Clock();
        var meter = new ProgressMeter(clock);
        clock.Advance(TimeSpan.FromSeconds(30)); // warming up
        meter.Add(Step(1));
        Assert.Equal("step   1/100  loss 2.5000", meter.Describe(Step(1)));

        for (var step = 2; step <= 11; step++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            meter.Add(Step(step));
        }

        Assert.Equal(2048, meter.TokensPerSecond, 1e-6);
        Assert.Equal(TimeSpan.FromSeconds(89), meter.Remaining!.Value);
        Assert.Equal("step  11/100  loss 2.5000      2,048 tokens/s  1:29 left", meter.Describe(Step(11)));
    }

    [Fact]
    public void A_resumed_run_counts_only_its_own_steps()
    {
        var clock = new Clock();
        var meter = new ProgressMeter(clock);
        meter.Add(Step(91));
        clock.Advance(TimeSpan.FromSeconds(2));
        meter.Add(Step(92));
        Assert.Equal(TimeSpan.FromSeconds(16), meter.Remaining!.Value);
    }

    [Theory]
    [InlineData(5, "0:05")]
    [InlineData(125, "2:05")]
    [InlineData(3725, "1:02:05")]
    [InlineData(90_000, "25:00:00")]
    public void Times_read_like_a_clock(int seconds, string expected) =>
        Assert.Equal(expected, ProgressMeter.Format(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Plain_progress_writes_the_first_and_last_step_and_one_line_each_five_seconds()
    {
        var clock = new Clock();
        var lines = new StringWriter { NewLine = "\n" };
        var progress = new PlainProgress(lines, clock);
        for (var step = 1; step <= 100; step++)
        {
            clock.Advance(TimeSpan.FromSeconds(0.25));
            progress.Stepped(Step(step));
        }

        Assert.Equal(["step   1", "step  21", "step  41", "step  61", "step  81", "step 100"],
            lines.ToString().TrimEnd('\n').Split('\n').Select(line => line[..8]));
    }

    private static StepReport Step(int step) => new(step, 100, Tokens: 2048, Loss: 2.5, GradientNorm: 1, LearningRate: 1e-3);

    private sealed class Clock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
