using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Curricula.Pacings;

namespace ModelCompiler.Runtime.Tests.Data.Curricula;

public class PacingTests
{
    [Theory]
    [InlineData(PacingKind.Linear, 0.25, 0.28)]
    [InlineData(PacingKind.Root, 0.25, 0.5035871324805669)] // √(0.04 + 0.25 · 0.8544)
    [InlineData(PacingKind.Exponential, 0.5, 0.30740852297878796)] // √(0.1 · 0.945)
    [InlineData(PacingKind.Step, 0.99, 0.1)]
    [InlineData(PacingKind.Method, 0.5, 0.1 + (0.845 * 0.25))]
    public void EachHasItsFormula(PacingKind kind, double progress, double expected)
    {
        var (from, to) = kind switch
        {
            PacingKind.Linear => (0.1, 0.82),
            PacingKind.Root => (0.2, Math.Sqrt(0.8944)),
            _ => (0.1, 0.945),
        };
        Assert.Equal(expected, PacingTable.Of(kind, x => x * x).At(progress, from, to), 12);
    }

    [Theory]
    [InlineData(PacingKind.Linear)]
    [InlineData(PacingKind.Root)]
    [InlineData(PacingKind.Exponential)]
    [InlineData(PacingKind.Method)]
    public void EachRisesFromTheStartToTheEnd(PacingKind kind)
    {
        var pacing = PacingTable.Of(kind, x => x);
        Assert.Equal(64, pacing.At(0, 64, 256), 9);
        Assert.Equal(256, pacing.At(1, 64, 256), 9);
        double[] values = [.. Enumerable.Range(0, 101).Select(i => pacing.At(i / 100.0, 64, 256))];
        Assert.Equal(values.Order(), values);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void AMethodThatSaysNoShareIsNamed(double share) =>
        Assert.Contains("[Pacing] method said", Assert.Throws<DataException>(() => new MethodPacing(_ => share).At(0.5, 0, 1)).Message);
}
