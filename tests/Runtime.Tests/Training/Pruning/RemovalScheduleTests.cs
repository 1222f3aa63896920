using ModelCompiler.Runtime.Training.Pruning;

namespace ModelCompiler.Runtime.Tests.Training.Pruning;

public sealed class RemovalScheduleTests
{
    [Fact]
    public void One_shot_is_once() => Assert.Equal([(5, 1.0)], Removals(new OneShotSchedule(5), 20));

    [Fact]
    public void Cubic_follows_its_curve_and_ends_at_one()
    {
        var removals = Removals(new CubicSchedule(begin: 10, end: 35, every: 10), 50);
        Assert.Equal([10, 20, 30, 35], removals.Select(r => r.Step));
        foreach (var (step, share) in removals.SkipLast(1)) Assert.Equal(1 - Math.Pow(1 - ((step - 10 + 10) / 35.0), 3), share, 12);
        Assert.Equal(1, removals[^1].Share);
        Assert.Equal(removals.Select(r => r.Share).Order(), removals.Select(r => r.Share));
    }

    /// <summary>Each round removes the same share of what the one before has left.</summary>
    [Fact]
    public void Rounds_remove_the_same_share_of_what_remains()
    {
        var schedule = new IterativeSchedule(rewind: 4, rounds: 3, steps: 46, sparsity: 0.875);
        var removals = Removals(schedule, 46);
        Assert.Equal([14, 24, 34], removals.Select(r => r.Step));
        Assert.Equal([0.5, 0.75, 0.875], removals.Select(r => Math.Round(r.Share * 0.875, 12)));
        Assert.Equal((14, 4), (schedule.StepsOfRound, schedule.Rewind));
        Assert.Equal([0, 3, 4, 13, 4, 13, 4, 4, 15], new[] { 0, 3, 4, 13, 14, 23, 24, 34, 45 }.Select(schedule.StepOfRound));
    }

    private static List<(int Step, double Share)> Removals(RemovalSchedule schedule, int steps) =>
        [.. Enumerable.Range(1, steps).Where(step => schedule.Share(step) is not null).Select(step => (step, schedule.Share(step)!.Value))];
}
