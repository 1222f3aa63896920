using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class TextGeneratorTests
{
    private static readonly ByteTokenizer s_tokenizer = new();
    private static readonly GenerationOptions s_greedy = new() { Sampling = new() { Temperature = 0 } };

    [Fact]
    public void Continues_the_prompt_token_by_token()
    {
        var program = new SuccessorProgram(context: 16);
        Assert.Equal("defg", Generate(program, "abc", 4));
        Assert.Equal([4, 1, 1, 1], program.Fed); // the beginning of a document and the prompt at once, then what was drawn
    }

    [Fact]
    public void An_empty_prompt_begins_a_document()
    {
        var program = new SuccessorProgram(context: 16, first: 'x');
        Assert.Equal("xyz", Generate(program, "", 3));
        Assert.Equal([1, 1, 1], program.Fed);
    }

    [Fact]
    public void Ends_at_the_end_of_the_document() =>
        Assert.Equal("xyz", Generate(new SuccessorProgram(context: 16, last: 'z'), "w", 100));

    [Fact]
    public void A_full_context_starts_again_from_its_last_half()
    {
        var program = new SuccessorProgram(context: 8);
        Assert.Equal("efghijklmnop", Generate(program, "abcd", 12));

        // 5 at first and three more fill the context; then 4 of the past again, and so on.
        Assert.Equal([5, 1, 1, 1, 4, 1, 1, 1, 1, 4, 1, 1], program.Fed);
    }

    [Fact]
    public void Of_a_prompt_longer_than_the_context_the_end_is_read()
    {
        var program = new SuccessorProgram(context: 8);
        Assert.Equal("uv", Generate(program, "abcdefghijklmnopqrst", 2));
        Assert.Equal([4, 1], program.Fed);
    }

    [Fact]
    public void A_context_of_one_token_suffices() =>
        Assert.Equal("bcd", Generate(new SuccessorProgram(context: 1), "a", 3));

    [Fact]
    public void Characters_of_several_bytes_come_whole()
    {
        var bytes = new Queue<byte>("é€"u8.ToArray());
        var program = new SuccessorProgram(context: 16, next: _ => bytes.Dequeue());
        var pieces = new List<string>();
        new TextGenerator(program, s_tokenizer).Generate("a", s_greedy with { MaxTokens = 5 }, pieces.Add);
        Assert.Equal(["é", "€"], pieces);
    }

    [Fact]
    public void What_a_prompt_has_in_common_with_the_text_before_is_not_read_again()
    {
        var program = new SuccessorProgram(context: 16);
        var generator = new TextGenerator(program, s_tokenizer);
        Assert.Equal("def", generator.Generate("abc", s_greedy with { MaxTokens = 3 }).Text);
        program.Fed.Clear();
        var next = generator.Generate("abcdx", s_greedy with { MaxTokens = 2 });
        Assert.Equal("yz", next.Text);
        Assert.Equal([1, 1], program.Fed); // x and y: the start, abc and d are there
        Assert.Equal((6, 5, 2), (next.PromptTokens, next.ReusedTokens, next.Tokens));
        Assert.Equal("bc", generator.Generate("a", s_greedy with { MaxTokens = 2 }).Text);
    }

    [Fact]
    public void A_window_is_not_reused_as_the_beginning_of_a_text()
    {
        var program = new SuccessorProgram(context: 8);
        var generator = new TextGenerator(program, s_tokenizer);
        generator.Generate("abcd", s_greedy with { MaxTokens = 8 });
        Assert.Equal(0, generator.Generate("efgh", s_greedy with { MaxTokens = 1 }).ReusedTokens);
    }

    [Fact]
    public void What_is_left_out_of_a_long_prompt_was_not_reused()
    {
        var generator = new TextGenerator(new SuccessorProgram(context: 8), s_tokenizer);
        Assert.Equal((21, 0), Counts(generator.Generate("abcdefghijklmnopqrst", s_greedy with { MaxTokens = 1 })));

        // A batch's counts are made in another place.
        Assert.Equal((21, 0), Counts(generator.Generate(["abcdefghijklmnopqrst"], s_greedy with { MaxTokens = 1 })[0]));

        static (int, int) Counts(Generation found) => (found.PromptTokens, found.ReusedTokens);
    }

    [Fact]
    public void A_stop_that_spans_tokens_ends_the_text_and_is_not_given_out()
    {
        var pieces = new List<string>();
        var result = new TextGenerator(new SuccessorProgram(context: 64), s_tokenizer)
            .Generate("a", s_greedy with { MaxTokens = 20, Stop = ["fgh", "xyz"] }, pieces.Add);
        Assert.Equal(("bcde", EndReason.Stop), (result.Text, result.Reason));
        Assert.Equal(["b", "c", "d", "e"], pieces);
    }

    [Fact]
    public void What_only_looked_like_a_stop_comes_at_the_end()
    {
        var result = new TextGenerator(new SuccessorProgram(context: 64), s_tokenizer).Generate("a", s_greedy with { MaxTokens = 3, Stop = ["de"] });
        Assert.Equal(("bcd", EndReason.Length, 3), (result.Text, result.Reason, result.Tokens));
    }

    [Fact]
    public void A_cancellation_ends_it_between_tokens_and_the_generator_stays_usable()
    {
        using var source = new CancellationTokenSource();
        var generator = new TextGenerator(new SuccessorProgram(context: 64), s_tokenizer);
        var text = "";
        Assert.Throws<OperationCanceledException>(() => generator.Generate("a", s_greedy, piece =>
        {
            text += piece;
            if (text.Length == 3) source.Cancel();
        }, source.Token));
        Assert.Equal("bcd", text);
        Assert.Equal("bc", generator.Generate("a", s_greedy with { MaxTokens = 2 }).Text);
    }

    [Fact]
    public void Options_that_mean_nothing_are_refused()
    {
        var generator = new TextGenerator(new SuccessorProgram(context: 64), s_tokenizer);
        Assert.Throws<ArgumentOutOfRangeException>(() => generator.Generate("a", s_greedy with { MaxTokens = -1 }));
        Assert.Contains("empty text", Assert.Throws<ArgumentException>(() => generator.Generate("a", s_greedy with { Stop = [""] })).Message);
        Assert.Equal("", generator.Generate("a", s_greedy with { MaxTokens = 0 }).Text);
    }

    private static string Generate(SuccessorProgram program, string prompt, int tokens) =>
        new TextGenerator(program, s_tokenizer).Generate(prompt, s_greedy with { MaxTokens = tokens }).Text;

    /// <summary>Predicts the next letter of the alphabet, and checks that what it is fed fits its context.</summary>
    private sealed class SuccessorProgram(int context, char first = 'a', char last = '\uffff', Func<int, int>? next = null) : IInferenceProgram
    {
        private int _position;

        public List<int> Fed { get; } = [];

        public int Batch => 1;

        public int Vocabulary => 256;

        public int Context => context;

        public bool CanTruncate => true;

        public int PositionOf(int sequence) => _position;

        public int Truncate(int sequence, int position) => _position = Math.Min(position, _position);

        public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
        {
            Fed.Add(tokens.Length);
            _position += tokens.Length;
            Assert.InRange(_position, 1, Context);
            var logits = new float[rows * 256];
            for (var row = 0; row < rows; row++)
            {
                var token = tokens[tokens.Length - rows + row];
                logits[(row * 256) + (next is not null ? next(token) : token == 0 ? first : token == last ? 0 : token + 1)] = 1;
            }

            return logits;
        }

        public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens) => Forward(sequences[0], tokens);

        public void Dispose()
        {
        }
    }
}
