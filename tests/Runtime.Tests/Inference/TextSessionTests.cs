using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>Several texts over one set of weights.</summary>
public sealed class TextSessionTests
{
    private static readonly GenerationOptions s_options = new() { MaxTokens = 30, Sampling = new() { Temperature = 0 } };

    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public async Task Texts_at_the_same_time_are_those_of_one_after_the_other(string engine)
    {
        using var opened = Engine.Open<Llama>(engine);
        using var session = new TextSession(opened.Model, new ByteTokenizer(), new() { Conversations = 3 });
        string[] prompts = [.. Enumerable.Range(0, 8).Select(i => $"prompt {i}")];
        var expected = prompts.Select(prompt => session.Generate(prompt, s_options).Text).ToList();
        var found = await Task.WhenAll(prompts.Select(prompt => session.GenerateAsync(prompt, s_options)));
        Assert.Equal(expected, found.Select(generation => generation.Text));
    }

    [Fact]
    public async Task A_stream_gives_the_text_in_pieces_and_then_the_result()
    {
        using var opened = Engine.Open<Llama>("torch");
        using var session = new TextSession(opened.Model, new ByteTokenizer());
        List<TextUpdate> updates = [];
        await foreach (var update in session.StreamAsync("abc", s_options)) updates.Add(update);
        var result = updates[^1].Result!;
        Assert.Equal(result.Text, string.Concat(updates));
        Assert.Equal(session.Generate("abc", s_options).Text, result.Text);
        Assert.Equal(4, result.PromptTokens);
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.Result));
    }

    [Fact]
    public async Task A_stream_that_is_left_ends_and_gives_its_cache_back()
    {
        using var opened = Engine.Open<Llama>("torch");
        using var session = new TextSession(opened.Model, new ByteTokenizer(), new() { Conversations = 1 });
        await foreach (var _ in session.StreamAsync("abc", s_options with { MaxTokens = int.MaxValue })) break;
        Assert.NotEmpty((await session.GenerateAsync("abc", s_options)).Text);
    }

    [Fact]
    public async Task A_cancellation_ends_texts_that_run_and_that_wait()
    {
        using var opened = Engine.Open<Llama>("torch");
        using var session = new TextSession(opened.Model, new ByteTokenizer(), new() { Conversations = 1 });
        using var source = new CancellationTokenSource();
        var running = session.GenerateAsync("abc", s_options with { MaxTokens = int.MaxValue }, _ => source.CancelAfter(10), source.Token);
        var waiting = session.GenerateAsync("abc", s_options, null, source.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.NotEmpty(session.Generate("abc", s_options).Text);
    }

    [Fact]
    public void A_prompt_finds_the_cache_that_has_most_of_it()
    {
        using var opened = Engine.Open<Llama>("torch");
        using var session = new TextSession(opened.Model, new ByteTokenizer(), new() { Conversations = 2 });
        var one = s_options with { MaxTokens = 1 };
        Assert.Equal(0, session.Generate("first text", one).ReusedTokens);
        Assert.Equal(0, session.Generate("second text", one).ReusedTokens);
        Assert.Equal(11, session.Generate("first text, and on", one).ReusedTokens);
        Assert.Equal(12, session.Generate("second text", one).ReusedTokens + 1); // at least the last token is read
    }

    [Fact]
    public void A_tokenizer_with_more_tokens_than_the_model_is_refused()
    {
        using var opened = Engine.Open<Llama>("torch");
        var tokenizer = new BytePairTokenizer(BytePairTrainer.Train(["the quick brown fox jumps over the lazy dog the quick brown fox"], 270));
        Assert.Contains("270", Assert.Throws<ArgumentException>(() => new TextSession(opened.Model, tokenizer)).Message, StringComparison.Ordinal);
    }
}
