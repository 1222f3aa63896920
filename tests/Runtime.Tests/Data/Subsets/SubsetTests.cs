using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Tests.Data.Subsets;

public class SubsetTests
{
    private const int Count = 240;
    private const int Steps = 400;

    public static TheoryData<SubsetMethod> Methods => [.. Enum.GetValues<SubsetMethod>()];

    public static TheoryData<SubsetMethod, int> MethodsAndStops => [..
        from method in Enum.GetValues<SubsetMethod>()
        from stop in new[] { 0, 1, 59, 60, 61, 150, 399 }
        select (method, stop)];

    /// <summary>A run that goes on from a checkpoint, at any step, chooses what one that was never stopped does.</summary>
    [Theory]
    [MemberData(nameof(MethodsAndStops))]
    public void AResumedRunChoosesTheSame(SubsetMethod method, int stoppedAt)
    {
        var (whole, parts) = (new SubsetRun(Count), new SubsetRun(Count));
        var subset = Of(method, whole);
        whole.Make(subset, Steps);

        var first = Of(method, parts);
        parts.Make(first, stoppedAt);
        var second = Of(method, parts);
        SubsetRun.Restore(first, second);
        parts.Make(second, Steps - stoppedAt);

        Assert.Equal(whole.Samples(), parts.Samples());
        Assert.Equal(whole.Steps.SelectMany(step => step.Weights), parts.Steps.SelectMany(step => step.Weights));
        Assert.Equal(subset.Counts, second.Counts);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void AnotherSeedChoosesOthers(SubsetMethod method)
    {
        var (one, two) = (new SubsetRun(Count), new SubsetRun(Count));
        Assert.NotEqual(one.Make(Of(method, one, seed: 1), 30).Samples(), two.Make(Of(method, two, seed: 2), 30).Samples());
    }

    [Fact]
    public void OnlyMethodsThatLookBackRestrictTheText()
    {
        Assert.Equal(12_000, SubsetTable.MostSamples(new SubsetSpec { Method = SubsetMethod.Infobatch }, 48_000));
        Assert.Equal(12_000, SubsetTable.MostSamples(new SubsetSpec { Method = SubsetMethod.El2n }, 48_000));
        Assert.Null(SubsetTable.MostSamples(new SubsetSpec { Method = SubsetMethod.RhoLoss }, 48_000));
        Assert.Equal(7, SubsetTable.MostSamples(new SubsetSpec { Method = SubsetMethod.Infobatch, Samples = 7 }, 48_000));
    }

    private static ISubset Of(SubsetMethod method, ISampleScorer scorer, int seed = 1) => SubsetTable.Of(new SubsetContext(
        new SubsetSpec { Method = method, Keep = 0.5, After = 60, Interrupt = 20, Beta = method == SubsetMethod.SelectiveBackprop ? 1 : null },
        Count,
        seed,
        Steps,
        scorer,
        () => [.. Enumerable.Range(0, Count).Select(i => i % 10 / 10f)]));
}
