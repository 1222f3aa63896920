using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Specs;

public class CountTests
{
    [Theory]
    [InlineData("20M", 20e6, "20M")]
    [InlineData("1.5B", 1.5e9, "1.5G")]
    [InlineData("2G", 2e9, "2G")]
    [InlineData("7K", 7e3, "7K")]
    [InlineData("3T", 3e12, "3T")]
    [InlineData("124439808", 124_439_808, "124.44M")]
    [InlineData("1e18", 1e18, "1e18")]
    [InlineData("12.5e20", 1.25e21, "1.25e21")]
    public void A_number_with_a_suffix_is_read_and_written(string text, double value, string written)
    {
        var count = Count.Parse(text);
        Assert.Equal(value, count!.Value.Value, tolerance: value * 1e-12);
        Assert.Equal(written, count.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("20m")]
    [InlineData("20MB")]
    [InlineData("20 M")]
    [InlineData("-5")]
    [InlineData("0")]
    [InlineData("nan")]
    [InlineData("1e400")]
    public void What_is_no_number_is_refused(string text) => Assert.Null(Count.Parse(text));
}
