using CsCheck;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class StopMatcherTests
{
    [Fact]
    public void What_may_begin_a_stop_is_held_back()
    {
        var matcher = new StopMatcher(["\nUser:", "END"]);
        Assert.Equal("Yes.", matcher.Append("Yes."));
        Assert.Equal("", matcher.Append("\nUs"));
        Assert.Equal("\nUsually E", matcher.Append("ually E") + matcher.Append("x")[..1]);
        Assert.False(matcher.Found);
    }

    [Fact]
    public void The_first_stop_ends_the_text_wherever_pieces_are_cut()
    {
        Gen.Select(Gen.String[Gen.Char['a', 'c'], 0, 30], Gen.String[Gen.Char['a', 'c'], 1, 4].List[1, 3], Gen.Int[1, 5]).Sample((text, stops, length) =>
        {
            var matcher = new StopMatcher(stops);
            var given = "";
            for (var at = 0; at < text.Length && !matcher.Found; at += length) given += matcher.Append(text.Substring(at, Math.Min(length, text.Length - at)));
            if (!matcher.Found) given += matcher.Flush();
            var first = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(text.Length).Min();

            // A longer stop that began earlier may be complete only after a shorter one within it.
            var ends = stops.Select(stop => (Start: text.IndexOf(stop, StringComparison.Ordinal), stop.Length)).Where(found => found.Start >= 0).ToList();
            if (ends.Count == 0) Assert.Equal(text, given);
            else Assert.True(given == text[..first] || ends.Any(end => given == text[..end.Start]), $"'{given}' of '{text}'");
        });
    }
}
