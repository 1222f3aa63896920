using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class TextGeneratorTests
{
    private static readonly ByteTokenizer s_tokenizer = new();
    private static readonly SamplingOptions s_greedy = new() { Temperature = 0 };

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
        Assert.Equal(["é", "€"], new TextGenerator(program, s_tokenizer).Generate("a", 5, new Sampler(s_greedy)));
    }

    [Fact]
    public void Each_text_starts_with_an_empty_cache()
    {
        var program = new SuccessorProgram(context: 16);
        Assert.Equal(Generate(program, "abc", 4), Generate(program, "abc", 4));
    }

    private static string Generate(SuccessorProgram program, string prompt, int tokens) =>
        string.Concat(new TextGenerator(program, s_tokenizer).Generate(prompt, tokens, new Sampler(s_greedy)));

    /// <summary>Predicts the next letter of the alphabet, and checks that what it is fed fits its context.</summary>
    private sealed class SuccessorProgram(int context, char first = 'a', char last = '\uffff', Func<int, int>? next = null) : IInferenceProgram
    {
        private readonly float[] _logits = new float[256];

        public List<int> Fed { get; } = [];

        public int Context => context;

        public int Position { get; private set; }

        public void Reset() => Position = 0;

        public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens)
        {
            Fed.Add(tokens.Length);
            Position += tokens.Length;
            Assert.InRange(Position, 1, Context);
            Array.Clear(_logits);
            var token = tokens[^1];
            _logits[next is not null ? next(token) : token == 0 ? first : token == last ? 0 : token + 1] = 1;
            return _logits;
        }

        public void Dispose()
        {
        }
    }
}
