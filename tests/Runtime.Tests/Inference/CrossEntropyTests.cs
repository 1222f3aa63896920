using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class CrossEntropyTests
{
    [Fact]
    public void Of_a_token_it_is_the_logarithm_of_its_share()
    {
        Assert.Equal(Math.Log(4), CrossEntropy.Of([2, 2, 2, 2], 1), 1e-12);
        Assert.Equal(Math.Log(1 + Math.Exp(-1)), CrossEntropy.Of([1000, 999], 0), 1e-12);
    }

    /// <summary>A window of all rows of such a vocabulary would be more logits than an array has elements.</summary>
    [Theory]
    [InlineData(4_000_000, 3, 1)]
    [InlineData(1_500_000, 5, 2)]
    [InlineData(8, 1100, 512)]
    public void The_rows_of_a_window_come_in_pieces(int vocabulary, int length, int rows)
    {
        using var program = new FlatProgram(vocabulary);
        var targets = Enumerable.Range(0, length).Select(t => t == 1 ? Masking.Ignored : t % 8L).ToArray();
        var (nats, tokens) = CrossEntropy.Of(program, 0, new long[length], targets);
        Assert.Equal(length - 1, tokens);
        Assert.Equal(tokens * Math.Log(vocabulary), nats, 1e-6);
        Assert.Equal(length, program.Position);
        Assert.Equal((rows, (length + rows - 1) / rows), (program.Rows.Max(), program.Rows.Count));
    }

    [Fact]
    public void More_logits_than_an_array_holds_are_refused() =>
        Assert.Contains("fewer rows at a time", Assert.Throws<ArgumentException>(() => TokenBuffer.Check(new int[40_960], 40_960, 0, 40_960, 151_936)).Message, StringComparison.Ordinal);

    /// <summary>Finds all tokens as likely.</summary>
    private sealed class FlatProgram(int vocabulary) : IInferenceProgram
    {
        private float[] _logits = [];

        public List<int> Rows { get; } = [];

        public int Position { get; private set; }

        public int Batch => 1;

        public int Vocabulary => vocabulary;

        public int Context => int.MaxValue;

        public bool CanTruncate => true;

        public int PositionOf(int sequence) => Position;

        public int Truncate(int sequence, int position) => Position = Math.Min(position, Position);

        public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
        {
            Rows.Add(rows);
            Position += tokens.Length;
            if (_logits.Length < rows * vocabulary) _logits = new float[rows * vocabulary];
            return _logits.AsSpan(0, rows * vocabulary);
        }

        public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens) => Forward(0, tokens);

        public void Dispose()
        {
        }
    }
}
