using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Curricula.Pacings;
using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Tests.Data.Curricula;

public sealed class LengthScheduleTests : IDisposable
{
    private static readonly int[] s_lengths = [3, 5, 8, 10];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void LengthsFollowThePaceAndPositionsAddThemUp()
    {
        var schedule = Schedule(steps: 20);
        int[] lengths = [.. Enumerable.Range(0, 40).Select(batch => schedule.Length(batch))];
        Assert.Equal(3, lengths[0]);
        Assert.Equal(lengths.Order(), lengths);
        Assert.Equal(s_lengths, lengths.Distinct());
        for (var batch = 0; batch < 20; batch++)
        {
            var reached = 3 + (7 * batch / 20.0);
            Assert.Equal(s_lengths.Last(length => length <= reached), lengths[batch]);
        }

        Assert.All(lengths[20..], length => Assert.Equal(10, length));
        for (var batch = 0; batch < 40; batch++)
            Assert.Equal(lengths[..batch].Sum(), schedule.Position(batch));
        Assert.Equal(20, schedule.LastFrom);
    }

    [Fact]
    public void LengthsNeverGoBack()
    {
        var pace = new Pace(new CurriculumSpec { From = 3, To = 10, Steps = 20 }, new MethodPacing(progress => progress < 0.5 ? 1 - progress : 0));
        var schedule = new LengthSchedule(pace, s_lengths);
        int[] lengths = [.. Enumerable.Range(0, 30).Select(batch => schedule.Length(batch))];
        Assert.Equal(lengths.Order(), lengths);
    }

    /// <summary>Nothing is passed over and nothing comes twice: whatever the lengths, each row reads the same text.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(7)]
    public void EachRowHasTheTextThatItHasWithoutACurriculum(int batch)
    {
        using var tokens = Tokens(239);
        var plain = Rows(new BatchSource(tokens, batch, 10, seed: 7), 40);
        var shorter = Rows(new BatchSource(tokens, batch, 10, seed: 7, Schedule(steps: 20)), 60);
        for (var row = 0; row < batch; row++)
        {
            var (expected, actual) = (plain[row], shorter[row]);
            Assert.True(actual.Count > 300, "several epochs");
            var common = Math.Min(actual.Count, expected.Count);
            Assert.Equal(expected.Take(common), actual.Take(common));
        }
    }

    /// <summary>What each row reads in batches one after the other: tokens with their targets.</summary>
    private static List<(long Token, long Target)>[] Rows(BatchSource source, int batches)
    {
        var rows = Enumerable.Range(0, source.Batch).Select(_ => new List<(long, long)>()).ToArray();
        var batch = new Batch(source.Batch, source.Sequence);
        for (var index = 0; index < batches; index++)
        {
            batch.Fill(source, index);
            Assert.Equal(source.Batch * source.Length(index), batch.Tokens.Length);
            for (var i = 0; i < batch.Tokens.Length; i++)
                rows[i / batch.Length].Add((batch.Tokens[i], batch.Targets[i]));
        }

        return rows;
    }

    private static LengthSchedule Schedule(int steps) =>
        new(new Pace(new CurriculumSpec { From = 3, To = 10, Steps = steps }, new LinearPacing()), s_lengths);

    private TokenCache Tokens(int length)
    {
        var corpus = Corpus.Open(_folder.Write("text.txt", new string('x', length)), validation: 0);
        return TokenCache.Open(corpus.Training, new CountingTokenizer(), _folder["cache"]);
    }
}
