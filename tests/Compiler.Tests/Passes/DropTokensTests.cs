using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class DropTokensTests
{
    private static ModelSpec Dropping(ModelSpec spec, int layers = 4, int keepLayers = 1) => spec with
    {
        Architecture = spec.Architecture with { Layers = layers },
        Efficiency = spec.Efficiency with { TokenDrop = new() { From = 1, KeepLayers = keepLayers } },
    };

    /// <summary>The training graph whose middle layers see this many tokens.</summary>
    private static Compiler.Graphs.Graph Run(ModelSpec spec, long? kept = null) =>
        Pipelines.Run(Pipelines.Training.Select(pass => pass is DropTokens ? new DropTokens(kept) : pass), GraphBuilder.Build(spec), spec);

    [Fact]
    public void A_block_works_on_what_is_gathered_and_the_rest_passes_by()
    {
        var spec = Models.Gpt2 with
        {
            Architecture = new()
            {
                Vocabulary = 16, Context = 4, Width = 8,
                Blocks = EquatableArray.Of<LayerSpec>(
                    new EmbeddingLayer(),
                    new RepeatLayer { Times = 3, Layers = EquatableArray.Of<LayerSpec>(new ActivationLayer()) },
                    new HeadLayer()),
            },
            Efficiency = new() { TokenDrop = new() { From = 2 } },
        };
        var graph = Pipelines.Run([new InferShapes(), new Differentiate(), new DropTokens(2)], GraphBuilder.Build(spec), spec);
        Assert.Equal(
            """
            function blocks(x: f32[B, T, C])
              saved token_drop.input: f32[B, K, C]
              saved token_drop: i64[B, K]
              token_drop: i64[B, K] = draw_tokens() {batch = 2, kept = 2, site = -1, tokens = 4}
              token_drop.input: f32[B, K, C] = gather_tokens(x, token_drop)
              activation: f32[B, K, C] = gelu(token_drop.input)
              token_drop.output: f32[B, T, C] = scatter_tokens(x, activation, token_drop)
              return token_drop.output
            """, GraphText.Print(graph.Block("blocks")).Trim());
        Assert.Equal(
            """
            function blocks.backward(dy: f32[B, T, C])
              saved token_drop.input: f32[B, K, C]
              saved token_drop: i64[B, K]
              d_token_drop.output: f32[B, K, C] = gather_tokens(dy, token_drop)
              d_x: f32[B, K, C] = gelu_grad(d_token_drop.output, token_drop.input)
              d_token_drop.input: f32[B, T, C] = scatter_tokens(dy, d_x, token_drop)
              return d_token_drop.input
            """, GraphText.Print(graph.Block("blocks.backward")).Trim());
        var repeats = graph.Main.Nodes.Where(OpTable.IsRepeat).ToList();
        Assert.Equal(2, repeats.Count);
        Assert.All(repeats, r => Assert.Equal((1, 2), (r.Attributes.Int("drop_first"), r.Attributes.Int("drop_end"))));
    }

    public static TheoryData<string> Names => ["Gpt2", "Llama", "Shared"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_equal_numeric_differentiation(string name)
    {
        var spec = Dropping(name switch { "Gpt2" => Models.Gpt2, "Llama" => Models.Llama.With(new CheckpointSpec { Every = 2 }), _ => Models.Shared });
        DifferentiateTests.Check(Run(spec, kept: 2));
    }

    /// <summary>The layers of one block come after those of another; the first and the last of the model see all tokens.</summary>
    [Fact]
    public void Layers_are_counted_over_all_blocks()
    {
        var spec = Dropping(Models.Blocks, keepLayers: 2) with { Architecture = Models.Blocks.Architecture };
        var ranges = Run(spec).Main.Nodes.Where(n => n.Op == "repeat")
            .Select(n => (n.Attributes.String("block"), n.Attributes.Has("drop_first") ? (n.Attributes.Int("drop_first"), n.Attributes.Int("drop_end")) : default));
        Assert.Equal([("gated", default), ("plain", (0, 1))], ranges);
    }

    [Fact]
    public void Fewer_tokens_need_less_memory()
    {
        var spec = Dropping(Models.Gpt2, layers: 12);
        var plain = spec with { Efficiency = new() };
        Assert.True(Run(spec, kept: 2).Memory!.Bytes < Run(plain).Memory!.Bytes);
        Assert.True(Run(spec, kept: 1).Memory!.Bytes < Run(spec, kept: 2).Memory!.Bytes);
    }

    /// <summary>A dropping layer costs what a layer of a model with so short a context costs.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_step_costs_the_flops_of_the_tokens_that_its_layers_see(int kept)
    {
        var spec = Dropping(Models.Llama, layers: 5);
        long Layer(int context)
        {
            var block = Pipelines.Run([new InferShapes()], GraphBuilder.Build(Short(spec, context)), spec).Block("blocks");
            return Costs.Flops(block, block.Nodes);
        }
        Assert.Equal(3 * (Layer(4) - Layer(kept)), Costs.DroppedFlops(Run(spec), kept));
    }

    private static ModelSpec Short(ModelSpec spec, int context) => spec with { Architecture = spec.Architecture with { Context = context } };
}
