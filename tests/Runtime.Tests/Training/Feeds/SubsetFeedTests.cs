using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Subsets;
using ModelCompiler.Runtime.Tests.Data;
using ModelCompiler.Runtime.Training.Feeds;

namespace ModelCompiler.Runtime.Tests.Training.Feeds;

public sealed class SubsetFeedTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_batch_that_is_left_out_was_chosen_too()
    {
        using var tokens = TestTokens.Of(_folder, string.Concat(Enumerable.Range(0, 500).Select(i => $"{i} ")));
        var (all, some) = (Feed(tokens, from: 0), Feed(tokens, from: 0));
        long[][] expected = [.. Enumerable.Range(0, 6).Select(position => all.Next(position).Tokens.ToArray())];
        foreach (var position in new[] { 0, 1, 4, 5 })
            Assert.Equal(expected[position], some.Next(position).Tokens.ToArray());
    }

    [Fact]
    public void Before_its_position_batches_come_from_the_other_feed_and_are_not_observed()
    {
        using var tokens = TestTokens.Of(_folder, string.Concat(Enumerable.Range(0, 500).Select(i => $"{i} ")));
        using var feed = Feed(tokens, from: 3);
        using var plain = new SourceFeed(new BatchSource(tokens, 4, 16, seed: 1));
        for (var position = 0; position < 3; position++)
        {
            var batch = feed.Next(position);
            Assert.Equal(plain.Next(position).Tokens.ToArray(), batch.Tokens.ToArray());
            feed.Trained(batch);
        }

        Assert.Equal(Feed(tokens, from: 0).Next(0).Tokens.ToArray(), feed.Next(3).Tokens.ToArray());
    }

    /// <summary>Four epochs of the steps that are left when sequences have their whole length.</summary>
    [Fact]
    public void The_epochs_fit_into_the_steps_that_choose()
    {
        var definition = DataByLength.Definition; // batches of 4, and 12 steps of shorter sequences
        var chosen = definition with { Training = definition.Training with { Subset = new SubsetSpec { Method = SubsetMethod.Infobatch } } };
        Assert.Equal(28, TrainingFeeds.MostSamples(chosen, steps: 40));
        Assert.Equal(40, TrainingFeeds.MostSamples(chosen with { Training = chosen.Training with { Curriculum = null } }, steps: 40));
        Assert.Equal(16, TrainingFeeds.MostSamples(definition, steps: 40));
    }

    private static SubsetFeed Feed(Runtime.Data.Tokens.TokenCache tokens, long from)
    {
        var samples = new SampleWindows(tokens, 16, 40, seed: 1);
        return new SubsetFeed(
            new InfoBatch(samples.Count, 1, 0.5, 100), samples, size: 4, isWeighted: true, new SourceFeed(new BatchSource(tokens, 4, 16, seed: 1)), from);
    }
}
