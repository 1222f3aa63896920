using Microsoft.Extensions.AI;
using ModelCompiler.Runtime.Chat;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tests.Inference;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Chat;

/// <summary>Models behind the interfaces of Microsoft.Extensions.AI.</summary>
public sealed class ChatTests : IDisposable
{
    private static readonly ChatMessage[] s_question = [new(ChatRole.User, "Hi")];
    private static readonly ChatOptions s_greedy = new() { Temperature = 0, MaxOutputTokens = 20 };

    private readonly Engine _engine = Engine.Open<LargeContext>("torch");
    private readonly TextSession _session;
    private readonly ModelChatClient _client;

    public ChatTests()
    {
        _session = new TextSession(_engine.Model, new ByteTokenizer());
        _client = new ModelChatClient(_session);
    }

    public void Dispose()
    {
        _client.Dispose();
        _session.Dispose();
        _engine.Dispose();
    }

    [Fact]
    public async Task A_response_is_the_continuation_of_the_templates_prompt()
    {
        var response = await _client.GetResponseAsync(s_question, s_greedy);
        var expected = _session.Generate("User: Hi\nAssistant:", new GenerationOptions { MaxTokens = 20, Sampling = new() { Temperature = 0 }, Stop = ["\nUser:"] });
        Assert.Equal(expected.Text.TrimStart(), response.Text);
        Assert.Equal((20, 20, 40), ((int)response.Usage!.InputTokenCount!, (int)response.Usage.OutputTokenCount!, (int)response.Usage.TotalTokenCount!));
        Assert.Equal((ChatFinishReason.Length, "LargeContext"), (response.FinishReason, response.ModelId));
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
    }

    [Fact]
    public async Task A_stream_is_the_response_in_pieces()
    {
        var pieces = new List<ChatResponseUpdate>();
        await foreach (var update in _client.GetStreamingResponseAsync(s_question, s_greedy)) pieces.Add(update);
        Assert.True(pieces.Count > 2);
        Assert.Equal((await _client.GetResponseAsync(s_question, s_greedy)).Text, string.Concat(pieces));
        Assert.Single(pieces.Select(piece => piece.ResponseId).Distinct());
    }

    [Fact]
    public async Task A_stop_sequence_ends_the_answer()
    {
        var whole = (await _client.GetResponseAsync(s_question, s_greedy)).Text;
        var stop = whole.Substring(4, 2);
        var response = await _client.GetResponseAsync(s_question, new() { Temperature = 0, MaxOutputTokens = 20, StopSequences = [stop] });
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task The_next_turn_reads_only_what_is_new()
    {
        List<ChatMessage> conversation = [new(ChatRole.System, "Be brief."), .. s_question];
        var first = await _client.GetResponseAsync(conversation, s_greedy);
        conversation.AddRange(first.Messages);
        conversation.Add(new(ChatRole.User, "And?"));
        var next = await _client.GetResponseAsync(conversation, s_greedy);
        Assert.True(next.Usage!.CachedInputTokenCount >= first.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task A_cancellation_ends_it()
    {
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in _client.GetStreamingResponseAsync(s_question, new() { MaxOutputTokens = int.MaxValue }, source.Token)) source.Cancel();
        });
    }

    [Fact]
    public async Task What_the_model_cannot_do_is_refused()
    {
        Assert.Contains("tools", (await Assert.ThrowsAsync<NotSupportedException>(() => _client.GetResponseAsync(s_question, new() { Tools = [new Tool()] }))).Message);
        Assert.Contains("ResponseFormat", (await Assert.ThrowsAsync<NotSupportedException>(() => _client.GetResponseAsync(s_question, new() { ResponseFormat = ChatResponseFormat.Json }))).Message);
        ChatMessage picture = new(ChatRole.User, [new DataContent(new byte[1], "image/png")]);
        Assert.Contains("text alone", (await Assert.ThrowsAsync<NotSupportedException>(() => _client.GetResponseAsync([picture]))).Message);
    }

    [Fact]
    public void Services()
    {
        Assert.Same(_session, ((IChatClient)_client).GetService<TextSession>());
        Assert.Equal("LargeContext", ((IChatClient)_client).GetService<ChatClientMetadata>()!.DefaultModelId);
    }

    [Fact]
    public void Templates_append_turns()
    {
        (string, string)[] turns = [("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c")];
        Assert.Equal("System: S\nUser: a\nAssistant: b\nUser: c\nAssistant:", ChatTemplate.Plain.Prompt(turns));
        Assert.Equal("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n", ChatTemplate.ChatMl.Prompt([("user", "a")]));
        foreach (var template in new[] { ChatTemplate.Plain, ChatTemplate.ChatMl, ChatTemplate.Llama3 })
            Assert.StartsWith(template.Prompt(turns[..2]), template.Prompt(turns));
    }

    [Theory]
    [InlineData("""{ "chat_template": "{% for m in messages %}<|im_start|>{{ m.role }}" }""", "<|im_end|>")]
    [InlineData("""{ "chat_template": "<|start_header_id|>" }""", "<|eot_id|>")]
    [InlineData("""{ "chat_template": "something else" }""", "\nUser:")]
    [InlineData("{}", "\nUser:")]
    [InlineData("no json", "\nUser:")]
    public void A_folders_template_is_known_by_its_marks(string config, string stop)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer_config.json", config);
        Assert.Equal(stop, ChatTemplate.Of(folder.Path).Stop);
    }

    [Fact]
    public async Task Embeddings_are_those_of_the_encoder()
    {
        using var model = Bert.Create(CPU, seed: 1);
        using var program = model.CreateEncoder();
        var encoder = new TextEncoder(program, new ByteTokenizer(), Bert.Definition.Training.SpecialTokens!);
        using var generator = new ModelEmbeddingGenerator(encoder, "Bert", program.Width);
        var found = await generator.GenerateAsync(["ab", "another"]);
        Assert.Equal(encoder.Embed("ab"), found[0].Vector.ToArray());
        Assert.Equal(encoder.Embed("another"), found[1].Vector.ToArray());
        Assert.Equal(4 + 9, found.Usage!.InputTokenCount);
        Assert.Contains("dimensions", (await Assert.ThrowsAsync<NotSupportedException>(() => generator.GenerateAsync(["a"], new() { Dimensions = 3 }))).Message);
    }

    private sealed class Tool : AITool;
}
