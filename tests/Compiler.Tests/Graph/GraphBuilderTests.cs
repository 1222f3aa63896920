using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Graphs;

public sealed class GraphBuilderTests
{
    [Fact]
    public void The_decoder_family_is_its_layers_written_out()
    {
        var family = Models.Llama;
        var written = family with
        {
            Architecture = new()
            {
                Vocabulary = family.Architecture.Vocabulary, Context = family.Architecture.Context, Width = family.Architecture.Width,
                Blocks = Decoder.Layers(family.Architecture),
            },
        };
        Assert.Equal(GraphText.Print(GraphBuilder.Build(family)), GraphText.Print(GraphBuilder.Build(written)));
    }

    [Fact]
    public void A_block_is_one_function_whatever_its_number_of_layers()
    {
        var two = GraphBuilder.Build(Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Layers = 2 } });
        var many = GraphBuilder.Build(Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Layers = 96 } });
        Assert.Equal(GraphText.Print(two).Split('\n').Length, GraphText.Print(many).Split('\n').Length);
    }

    [Fact]
    public void Dropout_of_nothing_is_no_node() => Assert.DoesNotContain(
        "dropout", GraphText.Print(GraphBuilder.Build(Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Dropout = 0 } })));
}
