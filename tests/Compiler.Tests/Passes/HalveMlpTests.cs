using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class HalveMlpTests
{
    /// <summary>MLPs in a row without biases between them, a gate, and a product beside an activation that only the block's output needs.</summary>
    private static readonly ModelSpec Rows = Models.Blocks with
    {
        Architecture = Models.Blocks.Architecture with
        {
            Blocks = EquatableArray.Of<LayerSpec>(
                new EmbeddingLayer { Position = PositionKind.Learned },
                new RepeatLayer
                {
                    Name = "rows", Times = 4,
                    Layers = EquatableArray.Of<LayerSpec>(
                        Residual(new NormLayer { Kind = NormKind.Rms }, new MlpLayer { Kind = MlpKind.ReluSquared, Bias = false }),
                        Residual(new NormLayer { Kind = NormKind.Rms }, new MlpLayer { Kind = MlpKind.Gelu, Bias = false }),
                        Residual(new LinearLayer { Out = 8, Bias = false }, new ActivationLayer { Kind = ActivationKind.Silu }, new LinearLayer { Out = 8, Bias = false }),
                        new ActivationLayer { Kind = ActivationKind.Silu }),
                },
                new RepeatLayer
                {
                    Name = "beside", Times = 4,
                    Layers = EquatableArray.Of<LayerSpec>(
                        Residual(
                            new NormLayer { Kind = NormKind.Rms },
                            new AddLayer
                            {
                                Left = EquatableArray.Of<LayerSpec>(new LinearLayer { Out = 8 }),
                                Right = EquatableArray.Of<LayerSpec>(new LinearLayer { Out = 12 }, new ActivationLayer { Kind = ActivationKind.Silu }, new LinearLayer { Out = 8 }),
                            })),
                },
                new NormLayer(),
                new HeadLayer { Bias = true }),
        },
    };

    public static TheoryData<string> Specs => ["Gpt2", "Llama", "Blocks", "Rows", "Shared", "TransformerXl", "PostNorm", "Global", "Bf16"];

    private static ModelSpec Spec(string name) => Many(name switch
    {
        "Gpt2" => Models.Gpt2,
        "Llama" => Models.Llama,
        "Blocks" => Models.Blocks,
        "Rows" => Rows,
        "Shared" => Models.Shared,
        "TransformerXl" => Models.TransformerXl,
        "PostNorm" => Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { NormPlacement = NormPlacement.Post, Bias = false } },
        "Global" => Models.Llama with { Architecture = Models.Llama.Architecture with { Layers = 4, Window = 2, GlobalEvery = 2 } },
        _ => Models.Llama.InBf16(),
    });

    /// <summary>512 sequences of 4 tokens.</summary>
    private static ModelSpec Many(ModelSpec spec) => spec with { Training = spec.Training with { Batch = 512 } };

    private static LayerSpec Residual(params LayerSpec[] layers) => new ResidualLayer { Layers = layers.ToEquatableArray() };

    private static Compiler.Graphs.Graph Run(ModelSpec spec) => Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);

    private static IEnumerable<Node> Halved(Function function) => function.Halves.SelectMany(loop => loop.Of(function));

    private static string[] Ops(Function function) => [.. Halved(function).Select(n => n.Op)];

    [Fact]
    public void An_mlp_is_halved_with_its_norm_and_its_sum()
    {
        var graph = Run(Many(Models.Gpt2));
        var forward = graph.Block("blocks");
        Assert.Equal(["layer_norm", "linear", "gelu", "linear", "add"], Ops(forward));
        var loop = forward.Halves.Single();
        Assert.Equal(["norm2", "norm2.mean", "norm2.rstd", "mlp.activation", "mlp.down.product"], loop.Inner);
        Assert.Equal(["residual1", "mlp.up.product", forward.Outputs[0]], loop.Sliced);

        var backward = graph.Block("blocks.backward");
        Assert.Equal(
            ["gelu", "linear_grad_weight", "linear_grad_input", "gelu_grad", "layer_norm", "linear_grad_weight", "linear_grad_input", "layer_norm_grad"], Ops(backward));
        Assert.Equal(["mlp.up.product", "dy", "residual1", "d_residual1.sum"], backward.Halves.Single().Sliced);
    }

    [Fact]
    public void A_gated_mlp_is_too() => Assert.Equal(["rms_norm", "linear", "swiglu", "linear", "add"], Ops(Run(Many(Models.Llama)).Block("blocks")));

    /// <summary>Products, and sums over rows, round otherwise over halves: whether they are halved is the same whatever is kept.</summary>
    [Theory]
    [MemberData(nameof(Specs))]
    public void What_is_computed_again_changes_nothing(string name)
    {
        var plain = Run(Spec(name));
        var blocks = plain.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")).ToList();
        var halved = blocks.ToDictionary(block => block, block => (Forward: Names(Halved(plain.Block(block))), Sums: Sums(plain.Block(FunctionNames.Backward(block)))));
        Assert.Contains(halved.Values, names => names.Forward.Count > 0 && names.Sums.Count > 0);

        var values = blocks.SelectMany(block => plain.Block(block).Nodes).SelectMany(n => n.Outputs).Select(o => o.Name).Distinct().ToList();
        IEnumerable<CheckpointSpec> checkpoints =
        [
            new() { Layers = CheckpointLayers.All }, new() { Every = 2 }, new() { Budget = new ByteSize(plain.Memory!.Bytes * 6 / 10) },
            .. values.Select(value => new CheckpointSpec { Save = EquatableArray.Of(value) }),
        ];
        foreach (var checkpoint in checkpoints)
        {
            var spec = Spec(name).With(checkpoint);
            var graph = ModelCompilation.Compile(spec).Model?.Training;
            if (graph is null) continue; // a budget that is too small, a name that no longer stands
            foreach (var block in blocks)
            {
                var (forward, sums) = halved[block];
                string[] names = [block, FunctionNames.Backward(block), FunctionNames.Recompute(block)];
                foreach (var function in names.Where(graph.HasBlock).Select(graph.Block))
                {
                    var products = function.Nodes.Where(n => n.Op == "linear").Select(n => n.Outputs[0].Name);
                    Assert.Equal(products.Where(forward.Contains).Order(), Halved(function).Where(n => n.Op == "linear").Select(n => n.Outputs[0].Name).Order());
                    Consistent(function);
                }

                Assert.Equal(sums.Order(), Sums(graph.Block(FunctionNames.Backward(block))).Order());
                if (!graph.HasBlock(names[2])) continue;
                var (whole, again) = (graph.Block(block), graph.Block(names[2]));
                var given = again.Nodes.SelectMany(n => n.Outputs).Select(o => o.Name).ToHashSet();
                Assert.Equal(whole.Halves.SelectMany(l => l.Inner).Where(given.Contains), again.Halves.SelectMany(l => l.Inner));
            }
        }

        static HashSet<string> Names(IEnumerable<Node> nodes) => [.. nodes.SelectMany(n => n.Outputs).Select(o => o.Name)];

        static HashSet<string> Sums(Function function) => [.. Names(Halved(function)).Where(function.GradientSlots().ContainsKey)];
    }

    /// <summary>Loops do not overlap, and what exists for half of the rows is read and written within its loop alone.</summary>
    private static void Consistent(Function function)
    {
        foreach (var (loop, next) in function.Halves.Zip(function.Halves.Skip(1))) Assert.True(loop.Last < next.First);
        foreach (var loop in function.Halves)
            for (var i = 0; i < function.Nodes.Count; i++)
                if (i < loop.First || i > loop.Last)
                    Assert.Empty(function.Nodes[i].Uses.Concat(function.Nodes[i].Outputs.Select(o => o.Name)).Intersect(loop.Inner));
        Assert.Empty(function.Halves.SelectMany(l => l.Inner).Intersect(function.Saved.Select(s => s.Name).Concat(function.Outputs)));
    }

    [Fact]
    public void The_gradient_of_a_stream_of_mlps_stays_in_its_place() =>
        Assert.All(Run(Many(Models.Blocks)).Memory!.Blocks.Where(block => block.Block == "plain"), block => Assert.NotEmpty(block.InPlace));

    [Fact]
    public void A_budget_finds_what_all_does()
    {
        var all = Run(Many(Models.Gpt2).With(new CheckpointSpec { Layers = CheckpointLayers.All })).Memory!.Bytes;
        Assert.True(Run(Many(Models.Gpt2).With(new CheckpointSpec { Budget = new ByteSize(all) })).Memory!.Bytes <= all);
    }

    [Fact]
    public void Few_rows_and_odd_ones_stay_together()
    {
        Assert.Empty(Run(Models.Gpt2).Block("blocks").Halves);
        var spec = Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Context = 3 } };
        Assert.Empty(Run(spec with { Training = spec.Training with { Batch = 1001 } }).Block("blocks").Halves);
        Assert.NotEmpty(Run(spec with { Training = spec.Training with { Batch = 1002 } }).Block("blocks").Halves);
    }

    /// <summary>Experts take tokens from all rows.</summary>
    [Fact]
    public void Experts_are_not_halved() => Assert.Empty(
        Run(Many(Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Experts = new() { Count = 3, Capacity = 1, Balance = 0 } } })).Block("blocks").Halves);

    [Fact]
    public void Blocks_of_layers_are_halved_about_their_activations()
    {
        var graph = Run(Many(Models.Blocks));
        // The other branch needs nothing of the activation: it stays whole.
        Assert.Equal(["linear", "silu", "multiply"], Ops(graph.Block("gated")));
        Assert.Contains("relu_squared", Ops(graph.Block("plain")));
    }
}
