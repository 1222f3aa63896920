using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training.Teaching;

/// <summary>The file of a teacher's likeliest tokens.</summary>
public sealed class PredictionCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("predictions-").FullName;

    private string File => Path.Combine(_folder, "a.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(60_000)]
    [InlineData(100_000)] // ids of four bytes
    public void What_was_written_is_read_for_the_same_tokens_only(int vocabulary)
    {
        var shape = new PredictionShape(Rows: 3, K: 2, vocabulary);
        long[][] batches = [[1, 2, 3], [4, 5, 6]];
        PredictionCache.Write(File, shape, batches.Select(batch => new ReadOnlyMemory<long>(batch)), 2, new Teacher(vocabulary));

        using var cache = PredictionCache.Open(File, shape, records: 2)!;
        var (ids, logs) = (new long[6], new float[9]);
        cache.Read(1, batches[1], ids, logs);
        Assert.Equal([vocabulary - 4, 4, vocabulary - 5, 5, vocabulary - 6, 6], ids);
        Assert.Equal([-4, -1, float.NegativeInfinity, -5, -1, float.NegativeInfinity, -6, -1, float.NegativeInfinity], logs);
        Assert.Contains("was made of other tokens than those of micro-batch 0", Assert.Throws<DataException>(() => cache.Read(0, batches[1], ids, logs)).Message);
        Assert.Contains("ends before micro-batch 2", Assert.Throws<DataException>(() => cache.Read(2, batches[1], ids, logs)).Message);
    }

    [Fact]
    public void A_file_that_is_damaged_short_or_of_another_shape_is_not_used()
    {
        var shape = new PredictionShape(Rows: 3, K: 2, 256);
        Assert.Null(PredictionCache.Open(File, shape, records: 1));
        PredictionCache.Write(File, shape, [new long[] { 1, 2, 3 }], 1, new Teacher(256));
        PredictionCache.Open(File, shape, records: 1)!.Dispose();
        Assert.Null(PredictionCache.Open(File, shape, records: 2));
        Assert.Null(PredictionCache.Open(File, shape with { K = 3 }, records: 1));
        var bytes = System.IO.File.ReadAllBytes(File);
        bytes[^1] ^= 1;
        System.IO.File.WriteAllBytes(File, bytes);
        Assert.Null(PredictionCache.Open(File, shape, records: 1));
    }

    [Fact]
    public void Nothing_is_left_of_a_file_that_was_given_up()
    {
        var shape = new PredictionShape(Rows: 3, K: 2, 256);
        static IEnumerable<ReadOnlyMemory<long>> Interrupted()
        {
            yield return new long[] { 1, 2, 3 };
            throw new OperationCanceledException();
        }

        Assert.Throws<OperationCanceledException>(() => PredictionCache.Write(File, shape, Interrupted(), 2, new Teacher(256)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    /// <summary>Says something that depends on each token.</summary>
    private sealed class Teacher(int vocabulary) : ITeacherPass
    {
        public void Predict(ReadOnlySpan<long> tokens, Span<long> ids, Span<float> logs)
        {
            for (var i = 0; i < tokens.Length; i++)
            {
                (ids[2 * i], ids[(2 * i) + 1]) = (vocabulary - tokens[i], tokens[i]);
                (logs[3 * i], logs[(3 * i) + 1], logs[(3 * i) + 2]) = (-tokens[i], -1, float.NegativeInfinity);
            }
        }

        public void Dispose()
        {
        }
    }
}
