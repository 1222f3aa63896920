using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Inference;

public sealed class SpeculativeDecodingTests
{
    private static readonly ByteTokenizer s_tokenizer = new();

    /// <summary>Beyond the context of 24 too, and with penalties, which follow the proposed tokens.</summary>
    [Theory]
    [InlineData("torch", 1)]
    [InlineData("torch", 4)]
    [InlineData("torch", 7)]
    [InlineData("onnx", 4)]
    public void Greedy_tokens_are_those_of_the_model_alone(string engine, int draftTokens)
    {
        using var opened = Engine.Open<Llama>(engine);
        using var draft = Engine.Open<Gpt2>("torch");
        foreach (var penalty in new[] { 0, 0.5 })
        {
            var options = new GenerationOptions { MaxTokens = 60, DraftTokens = draftTokens, Sampling = new() { Temperature = 0, PresencePenalty = penalty } };
            Compare(opened.Model, draft.Model, options);
        }
    }

    /// <summary>A draft that is the model proposes what the model wants.</summary>
    [Fact]
    public void The_models_own_proposals_are_accepted()
    {
        using var opened = Engine.Open<Llama>("torch");
        var options = new GenerationOptions { MaxTokens = 20, Sampling = new() { Temperature = 0 } };
        var result = Compare(opened.Model, opened.Model, options);
        Assert.Equal(result.Drafted, result.Accepted);
        Assert.InRange(result.Drafted, 12, 20);
    }

    [Fact]
    public void Int4_in_the_model()
    {
        using var opened = Engine.Open<Llama>("onnx", new QuantizationSpec { Weights = WeightType.Int4, Group = 16 });
        using var draft = Engine.Open<Gpt2>("torch");
        Compare(opened.Model, draft.Model, new GenerationOptions { MaxTokens = 40, Sampling = new() { Temperature = 0 } });
    }

    /// <summary>Tokens by the acceptance rule have the model's distribution, whatever the draft: 3,000 draws of the second and third token.</summary>
    [Fact]
    public void Sampled_tokens_have_the_models_distribution()
    {
        var model = new TableProgram([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.3, 0.3, 0.4]]);
        var draft = new TableProgram([[0.3, 0.3, 0.4], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2]]);
        const int Draws = 12_000;
        var counts = new int[3, 3];
        var generator = new TextGenerator(model, new TableTokenizer(), draft);
        for (var seed = 0; seed < Draws; seed++)
        {
            var tokens = new List<int>();
            generator.Generate([0], new GenerationOptions { MaxTokens = 2, DraftTokens = 2, Sampling = new() { Temperature = 1, Seed = seed } }, token =>
            {
                tokens.Add(token);
                return true;
            });
            counts[tokens[0], tokens[1]]++;
        }

        for (var first = 0; first < 3; first++)
        {
            for (var second = 0; second < 3; second++)
                Assert.Equal(model.Table[0][first] * model.Table[first][second], counts[first, second] / (double)Draws, 0.017); // four standard deviations
        }
    }

    [Fact]
    public void Drafts_that_do_not_fit_are_refused()
    {
        using var opened = Engine.Open<Llama>("torch");
        using var program = opened.Model.CreateInference();
        using var other = new TableProgram([[1]]);
        Assert.Contains("vocabulary of 1", Assert.Throws<ArgumentException>(() => new TextGenerator(program, s_tokenizer, other)).Message, StringComparison.Ordinal);
        using var recurrent = Engine.Open<TransformerXlPlain>("torch");
        using var memory = recurrent.Model.CreateInference();
        Assert.Contains("take tokens back", Assert.Throws<ArgumentException>(() => new TextGenerator(program, s_tokenizer, memory)).Message, StringComparison.Ordinal);
    }

    private static Generation Compare(ILanguageModel model, ILanguageModel draft, GenerationOptions options)
    {
        using var plain = model.CreateInference();
        using var speculating = model.CreateInference();
        using var proposing = draft.CreateInference();
        var (alone, helped) = (new TextGenerator(plain, s_tokenizer), new TextGenerator(speculating, s_tokenizer, proposing));
        Generation last = null!;
        foreach (var prompt in new[] { "Once upon", "", "a prompt that is longer than a context of 24 tokens" })
        {
            var (expected, found) = (Tokens(alone, prompt), Tokens(helped, prompt));
            Assert.Equal(expected, found);
        }

        return last;

        List<int> Tokens(TextGenerator generator, string prompt)
        {
            List<int> tokens = [];
            last = generator.Generate(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(generator.Encode(prompt)), options, token =>
            {
                tokens.Add(token);
                return true;
            });
            return tokens;
        }
    }

    /// <summary>Probabilities of the next token by the last.</summary>
    private sealed class TableProgram(double[][] table) : IInferenceProgram
    {
        private int _position;

        public double[][] Table => table;

        public int Batch => 1;

        public int Vocabulary => table.Length;

        public int Context => 100;

        public bool CanTruncate => true;

        public int PositionOf(int sequence) => _position;

        public int Truncate(int sequence, int position) => _position = Math.Min(position, _position);

        public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
        {
            _position += tokens.Length;
            return tokens[^rows..].ToArray().SelectMany(token => table[token].Select(p => (float)Math.Log(p))).ToArray();
        }

        public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens) => Forward(sequences[0], tokens);

        public void Dispose()
        {
        }
    }

    /// <summary>Tokens without text.</summary>
    private sealed class TableTokenizer : ITextTokenizer
    {
        public int Vocabulary => 3;

        public int EndOfText => -1;

        public string Hash => "";

        public void Encode(string text, List<int> into) => throw new NotSupportedException();

        public ReadOnlySpan<byte> Bytes(int token) => throw new NotSupportedException();

        public void Export(string folder, SpecialTokens? special = null) => throw new NotSupportedException();

        public void Save(string folder) => throw new NotSupportedException();
    }
}
