using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>Prompts of different lengths together, against each by itself.</summary>
public sealed class BatchTests
{
    private static readonly string[] s_prompts = ["", "a long prompt of its own", "Hi", "xyz", "What is it?", "0"];

    [Theory]
    [InlineData("torch", 4, 0)]
    [InlineData("onnx", 4, 0)]
    [InlineData("onnx", 2, 0.9)]
    [InlineData("torch", 8, 0.9)]
    public void A_batch_gives_what_each_prompt_gives(string engine, int batch, double temperature)
    {
        // Beyond the context of 24 too, where the windows start again at different times.
        using var opened = Engine.Open<Llama>(engine);
        using var session = new TextSession(opened.Model, new ByteTokenizer());
        var options = new GenerationOptions { MaxTokens = 40, Sampling = new() { Temperature = temperature, Seed = 5 } };
        var together = session.Generate(s_prompts, options, batch);
        for (var i = 0; i < s_prompts.Length; i++)
        {
            var alone = session.Generate(s_prompts[i], options with { Sampling = options.Sampling with { Seed = 5 + i } });
            Assert.Equal((alone.Text, alone.Reason, alone.Tokens), (together[i].Text, together[i].Reason, together[i].Tokens));
        }
    }

    [Fact]
    public void Pieces_come_with_the_number_of_their_prompt()
    {
        using var opened = Engine.Open<Llama>("torch");
        using var program = opened.Model.CreateInference(3);
        var pieces = s_prompts.Select(_ => "").ToArray();
        var results = new TextGenerator(program, new ByteTokenizer()).Generate(
            s_prompts, new GenerationOptions { MaxTokens = 9, Stop = ["e"] }, (prompt, piece) => pieces[prompt] += piece);
        Assert.Equal(results.Select(result => result.Text), pieces);
    }
}
