using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Compiler.Tests.Frontends;

public class SuggestionTests
{
    private static readonly string[] s_names = ["heads", "kv-heads", "learning-rate", "norm", "width"];

    [Theory]
    [InlineData("kv-head", "kv-heads")]
    [InlineData("kv_heads", "kv-heads")]
    [InlineData("kvHeads", "kv-heads")]
    [InlineData("Width", "width")]
    [InlineData("widht", "width")]
    [InlineData("learningrate", "learning-rate")]
    [InlineData("layer-norm", "norm")]
    [InlineData("tokenizer", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_suggested_if_it_is_near(string written, string? expected) =>
        Assert.Equal(expected, Suggestion.Nearest(written, s_names));

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "abc", 0)]
    [InlineData("abc", "acb", 1)]
    [InlineData("kitten", "sitting", 3)]
    public void Distance_counts_edits_and_swaps(string a, string b, int expected)
    {
        Assert.Equal(expected, Suggestion.Distance(a, b));
        Assert.Equal(expected, Suggestion.Distance(b, a));
    }

    [Fact]
    public void Without_a_near_name_all_are_listed() =>
        Assert.Equal("the keys are heads, kv-heads, learning-rate, norm, width", Suggestion.For("tokenizer", s_names, "keys"));
}
