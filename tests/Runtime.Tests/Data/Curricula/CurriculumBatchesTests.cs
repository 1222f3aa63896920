using System.Text;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Curricula.Metrics;
using ModelCompiler.Runtime.Data.Curricula.Pacings;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data.Curricula;

public sealed class CurriculumBatchesTests : IDisposable
{
    private const int T = 16;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void OnlyTheEasiestShareIsDrawnFrom()
    {
        using var tokens = TestTokens.Of(_folder, Text());
        var samples = new SampleWindows(tokens, T, 1000, seed: 1);
        float[] difficulties = [.. Enumerable.Range(0, samples.Count).Select(i => (float)(i * 7919 % 101))];
        int[] rank = [.. Enumerable.Range(0, samples.Count).Select(i => difficulties.Select((d, j) => (d, j)).Count(o => o.d < difficulties[i] || (o.d == difficulties[i] && o.j < i)))];
        var batches = Batches(samples, difficulties, steps: 50);

        var hardest = 0;
        for (var step = 0; step < 50; step++)
        {
            var pool = Math.Ceiling((0.1 + (0.9 * step / 50)) * samples.Count);
            for (var row = 0; row < 8; row++)
            {
                var sample = batches.Sample(step, row);
                Assert.InRange(rank[sample], 0, pool - 1);
                hardest = Math.Max(hardest, rank[sample]);
            }
        }

        Assert.InRange(hardest, samples.Count / 2, samples.Count);
    }

    [Fact]
    public void AfterTheCurriculumEachEpochHasAllSamplesOnce()
    {
        using var tokens = TestTokens.Of(_folder, Text());
        var samples = new SampleWindows(tokens, T, 64, seed: 1);
        var batches = Batches(samples, new float[64], steps: 10);
        for (var epoch = 0; epoch < 2; epoch++)
            Assert.Equal(Enumerable.Range(0, 64), Enumerable.Range(0, 64).Select(i => batches.Sample(10 + (epoch * 8) + (i / 8), i % 8)).Order());
    }

    [Fact]
    public void TheOrderIsAFunctionOfSeedAndNumber()
    {
        using var tokens = TestTokens.Of(_folder, Text());
        var samples = new SampleWindows(tokens, T, 64, seed: 1);
        int[] Order(IEnumerable<int> numbers, CurriculumBatches from) => [.. numbers.SelectMany(i => Enumerable.Range(0, 8).Select(row => from.Sample(i, row)))];
        var whole = Order(Enumerable.Range(0, 30), Batches(samples, new float[64], 10));
        Assert.Equal(whole[(17 * 8)..], Order(Enumerable.Range(17, 13), Batches(samples, new float[64], 10)));
    }

    [Fact]
    public void RarityIsTheMeanNegativeLogProbability()
    {
        using var tokens = TestTokens.Of(_folder, new string('a', T) + "aaaabbbbaaaabbbb" + new string('c', 1));
        var samples = new SampleWindows(tokens, T, 1000, seed: 1);
        var difficulties = new float[samples.Count];
        new Rarity(256).Measure(samples, difficulties);
        Assert.Equal(2, samples.Count);
        Assert.Equal(-Math.Log(24 / 32.0), difficulties[0], 6);
        Assert.Equal((-Math.Log(24 / 32.0) - Math.Log(8 / 32.0)) / 2, difficulties[1], 6);
    }

    [Fact]
    public void RepetitiveTextIsEasyToCompress()
    {
        var random = new Random(1);
        var noise = new string([.. Enumerable.Range(0, 64).Select(_ => (char)random.Next('!', '~'))]);
        using var tokens = TestTokens.Of(_folder, new string('a', 64) + noise + "x");
        var samples = new SampleWindows(tokens, 64, 1000, seed: 1);
        var difficulties = new float[samples.Count];
        new Compression(new ByteTokenizer()).Measure(samples, difficulties);
        Assert.InRange(difficulties[0], 0.01, 0.3);
        Assert.InRange(difficulties[1], 0.8, 1.2);
    }

    [Fact]
    public void AMethodSeesTheTextOfEachSample()
    {
        var text = Text();
        using var tokens = TestTokens.Of(_folder, text);
        var samples = new SampleWindows(tokens, T, 1000, seed: 1);
        var difficulties = new float[samples.Count];
        new Method(sample => sample.Count(char.IsDigit), new ByteTokenizer()).Measure(samples, difficulties);
        for (var i = 0; i < samples.Count; i++)
            Assert.Equal(Encoding.UTF8.GetBytes(text).Skip(i * T).Take(T).Count(b => char.IsDigit((char)b)), difficulties[i]);
        var bad = new Method(_ => double.NaN, new ByteTokenizer());
        Assert.Contains("[Difficulty] method said NaN", Assert.Throws<DataException>(() => bad.Measure(samples, new float[samples.Count])).Message);
    }

    private static CurriculumBatches Batches(SampleWindows samples, float[] difficulties, int steps) =>
        new(samples, difficulties, new Pace(new CurriculumSpec { Metric = DifficultyMetric.Rarity, From = 0.1, To = 1, Steps = steps }, new LinearPacing()), batch: 8, seed: 1);

    private static string Text() => string.Concat(Enumerable.Range(0, 400).Select(i => $"line {i} of {i * i}\n"));
}
