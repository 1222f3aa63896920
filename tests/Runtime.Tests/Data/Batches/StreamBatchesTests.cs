using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Curricula.Pacings;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data.Batches;

public sealed class StreamBatchesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Text { get; } = string.Concat(Enumerable.Range(0, 59).Select(i => (char)('!' + i))); // 60 tokens with its end

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_row_goes_on_where_it_ended_and_round_the_text()
    {
        using var tokens = TestTokens.Of(_folder, Text);
        var rows = Read(new StreamBatches(tokens, endOfText: 0, batch: 3, sequence: 8, seed: 4), batches: 8);
        long[] ring = [.. Text.Select(c => (long)c), 0];
        var start = Array.IndexOf(ring, rows[0][0]);
        for (var row = 0; row < 3; row++)
            Assert.Equal(Enumerable.Range(start + (row * 20), 64).Select(at => ring[at % 60]), rows[row]);
    }

    /// <summary>In a pass each document comes once, whole, and not in the order of the text.</summary>
    [Fact]
    public void Documents_stand_in_another_order()
    {
        string[] documents = [.. Enumerable.Range(0, 40).Select(i => new string((char)('!' + i), 1 + (i % 7)))];
        _folder.Write("text/documents.jsonl", string.Concat(documents.Select(document => $"{{\"text\": {System.Text.Json.JsonSerializer.Serialize(document)}}}\n")));
        using var tokens = TokenCache.Open(Corpus.Open(_folder["text"], validation: 0).Training, new ByteTokenizer(), _folder["cache"]);
        Assert.Equal(documents.Sum(document => document.Length + 1), tokens.Count);
        var stream = new ShuffledDocuments(tokens, endOfText: 0, seed: 3);
        var read = new long[2 * tokens.Count];
        for (var at = 0; at < read.Length; at += 11) stream.ReadRing(at, read.AsSpan(at, Math.Min(11, read.Length - at)));
        var text = string.Concat(read.Select(token => (char)token)).Split('\0');
        Assert.Equal(text.Take(40), text.Skip(40).Take(40));
        Assert.NotEqual(documents, text.Take(40));
        Assert.Equal(documents.Order(StringComparer.Ordinal), text.Take(40).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Shorter_segments_leave_nothing_out()
    {
        using var tokens = TestTokens.Of(_folder, Text);
        var pace = new Pace(new CurriculumSpec { From = 4, To = 8, Steps = 3 }, new StepPacing());
        var source = new StreamBatches(tokens, endOfText: 0, batch: 2, sequence: 8, seed: 4, new LengthSchedule(pace, [4, 8]));
        Assert.Equal([4, 4, 4, 8, 8], Enumerable.Range(0, 5).Select(i => source.Length(i)));
        var whole = Read(new StreamBatches(tokens, endOfText: 0, batch: 2, sequence: 8, seed: 4), batches: 4);
        Assert.Equal(whole.Select(row => row.Take(28)), Read(source, batches: 5));
    }

    [Fact]
    public void A_text_shorter_than_a_segment_is_named()
    {
        using var tokens = TestTokens.Of(_folder, "short");
        Assert.Contains("need 9", Assert.Throws<DataException>(() => new StreamBatches(tokens, 0, 2, 8, 1)).Message, StringComparison.Ordinal);
    }

    private static List<long>[] Read(StreamBatches source, int batches)
    {
        var rows = Enumerable.Range(0, source.Batch).Select(_ => new List<long>()).ToArray();
        for (var index = 0L; index < batches; index++)
        {
            var length = source.Length(index);
            var (tokens, targets) = (new long[source.Batch * length], new long[source.Batch * length]);
            source.Fill(index, tokens, targets);
            for (var row = 0; row < source.Batch; row++)
            {
                rows[row].AddRange(tokens.AsSpan(row * length, length));
                Assert.Equal(tokens.AsSpan((row * length) + 1, length - 1).ToArray(), targets.AsSpan(row * length, length - 1).ToArray());
            }
        }

        return rows;
    }
}
