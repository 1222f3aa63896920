using ModelCompiler.Compiler.Passes;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class PlacePrecisionTests
{
    private static readonly string Before = """
        function main(x: f32[B, T, C])
          parameter n: f32[C] = n[8] normal(0.02)
          y: f32[B, T, C], rstd: f32[B, T] = rms_norm(x, n) {epsilon = 1E-05}
          return y
        """;

    private static Node Norm => Node("rms_norm", "y", "x", "n") with
    {
        Outputs = EquatableArray.Of(new Value("y"), new Value("rstd")),
        Attributes = Attributes.Of(("epsilon", 1e-5)),
    };

    [Fact]
    public void Fp32_changes_nothing() => Check(new PlacePrecision(), Graph([Weight("n", C)], [Norm], "y"), Before, Before);

    [Fact]
    public void Norms_keep_fp32_weights_and_statistics_under_bf16() => Check(
        new PlacePrecision(), Graph([Weight("n", C)], [Norm], "y"), Before,
        """
        function main(x: f32[B, T, C])
          parameter n: f32[C] = n[8] normal(0.02)
          x.bf16: bf16[B, T, C] = cast(x) {from = "f32", to = "bf16"}
          y: bf16[B, T, C], rstd: f32[B, T] = rms_norm(x.bf16, n) {epsilon = 1E-05}
          return y
        """,
        Models.Gpt2.InBf16());

    [Fact]
    public void A_layer_in_fp32_reads_masters_between_casts() => Check(
        new PlacePrecision(),
        Graph(
            [Weight("w", C, C), Weight("head.weight", C, C), Weight("v", C, C)],
            [Node("linear", "y", "x", "w"), Node("linear", "head", "y", "head.weight"), Node("linear", "z", "head", "v")], "z"),
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          parameter head.weight: f32[C, C] = head.weight[8] normal(0.02)
          parameter v: f32[C, C] = v[8] normal(0.02)
          y: f32[B, T, C] = linear(x, w)
          head: f32[B, T, C] = linear(y, head.weight)
          z: f32[B, T, C] = linear(head, v)
          return z
        """,
        """
        function main(x: f32[B, T, C])
          parameter w: bf16[C, C] = w[8] normal(0.02)
          parameter head.weight: f32[C, C] = head.weight[8] normal(0.02)
          parameter v: bf16[C, C] = v[8] normal(0.02)
          x.bf16: bf16[B, T, C] = cast(x) {from = "f32", to = "bf16"}
          y: bf16[B, T, C] = linear(x.bf16, w)
          y.f32: f32[B, T, C] = cast(y) {from = "bf16", to = "f32"}
          head: f32[B, T, C] = linear(y.f32, head.weight)
          head.bf16: bf16[B, T, C] = cast(head) {from = "f32", to = "bf16"}
          z: bf16[B, T, C] = linear(head.bf16, v)
          return z
        """,
        InFp32("head"));

    /// <summary>The tied head reads the master of the embedding, so that the embedding does too.</summary>
    [Fact]
    public void Layers_that_share_a_weight_share_its_precision()
    {
        var types = Types(Models.Llama with { Efficiency = InFp32("head").Efficiency });
        Assert.Equal("f32[V, C]", types["embedding.weight"].ToString());
        Assert.Equal("f32[B, T, C]", types["embedding"].ToString());
        Assert.Equal("bf16[B, T, C]", types["blocks"].ToString());
        Assert.Equal("f32[B, T, V]", types["head"].ToString());
    }

    [Theory]
    [InlineData("blocks", "f32")]
    [InlineData("blocks.*", "f32")]
    [InlineData("blocks.*.mlp", "bf16")]
    [InlineData("bl*.*.att*", "bf16")]
    public void Patterns_of_a_block(string pattern, string stream) =>
        Assert.Equal(stream + "[B, T, C]", Types(Models.Gpt2 with { Efficiency = InFp32(pattern).Efficiency })["blocks"].ToString());

    [Theory]
    [InlineData("haed", "MC2045", "did you mean 'head'?")]
    [InlineData("blocks.*.mpl", "MC2045", "blocks.*.mlp")]
    [InlineData("blocks.1.mpl", "MC2045", "no such layer as 'blocks.1.mpl'")]
    [InlineData("blocks.3.mlp", "MC2045", "its layers are blocks.0 to blocks.2")]
    public void Patterns_that_match_nothing_are_refused(string pattern, string id, string text)
    {
        var diagnostic = Assert.Single(ModelCompilation.Compile(
            InFp32("head", pattern) with { Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 } }).Diagnostics);
        Assert.Equal((id, "efficiency.precision.fp32[1]"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains(text, diagnostic.Message);
    }

    [Fact]
    public void A_pattern_may_single_out_layers_of_a_block()
    {
        var spec = Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Layers = 6 }, Efficiency = InFp32("blocks.0", "blocks.3.mlp", "blocks.4.mlp").Efficiency };
        var graph = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);
        var repeats = graph.Main.Nodes.Where(n => n.Op == "repeat").ToList();
        Assert.Equal(
            [("blocks.0", 1, "f32[B, T, C]"), ("blocks.1-to-2", 2, "bf16[B, T, C]"), ("blocks.3-to-4", 2, "bf16[B, T, C]"), ("blocks.5", 1, "bf16[B, T, C]")],
            repeats.Select(n => (n.Attributes.String("block"), n.Attributes.Int("times"), n.Outputs[0].Type!.ToString())));

        string Type(string function, string value) => graph.Block(function).Types()[value].ToString();
        Assert.Equal("f32[3C, C]", Type("blocks.0", "attention.qkv.weight"));
        Assert.Equal("bf16[3C, C]", Type("blocks.3-to-4", "attention.qkv.weight"));
        Assert.Equal("f32[4C, C]", Type("blocks.3-to-4", "mlp.up.weight"));
        Assert.Equal("bf16[4C, C]", Type("blocks.5", "mlp.up.weight"));
        Assert.Contains(graph.Main.Nodes, n => n.Op == "cast" && n.Inputs[0] == "blocks.0");
    }

    /// <summary>All layers, each by its number, are no other model than all of them by a star.</summary>
    [Fact]
    public void Layers_that_compute_alike_are_one_loop()
    {
        var types = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(InFp32("blocks.0.mlp", "blocks.1.mlp", "blocks.2.mlp")), InFp32("blocks.0.mlp", "blocks.1.mlp", "blocks.2.mlp"));
        Assert.Equal("blocks.0-to-2", Assert.Single(types.Main.Nodes, n => n.Op == "repeat").Attributes.String("block"));
    }

    [Fact]
    public void Layers_that_share_parameters_have_one_precision()
    {
        var spec = Models.Shared with { Architecture = Models.Shared.Architecture with { Vocabulary = 256 }, Efficiency = InFp32("blocks.1.mlp").Efficiency };
        var diagnostic = Assert.Single(ModelCompilation.Compile(spec).Diagnostics);
        Assert.Equal(("MC2046", "efficiency.precision.fp32[0]"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains("whose layers share parameters; write 'blocks.*.mlp'", diagnostic.Message);
    }

    [Fact]
    public void Boundaries_count_the_layers_of_the_whole_block()
    {
        var efficiency = InFp32("blocks.1").Efficiency with { Checkpoint = new() { Boundaries = EquatableArray.Of("blocks.1", "blocks.4") } };
        var spec = Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Layers = 6 }, Efficiency = efficiency };
        var segments = Assert.Single(Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec).Segments);
        Assert.Equal(("blocks.2-to-5", "0 2 4"), (segments.Block, string.Join(" ", segments.Starts)));
    }

    /// <summary>What docs/precision.md says: the values of a bf16 program that stay fp32, besides gradients of parameters.</summary>
    [Fact]
    public void Only_statistics_and_losses_stay_fp32()
    {
        var full = new SortedSet<string>();
        foreach (var spec in new[] { Models.Gpt2, Models.Llama, Models.Blocks })
        {
            var graph = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec.InBf16()), spec.InBf16());
            foreach (var function in graph.Blocks.Append(graph.Main))
            {
                var gradients = function.GradientSlots();
                foreach (var node in function.Nodes)
                    for (var i = 0; i < node.Outputs.Count; i++)
                        if (node.Outputs[i].Type!.DType == DType.F32 && !gradients.ContainsKey(node.Outputs[i].Name)) full.Add($"{node.Op} {i}");
            }
        }

        Assert.Equal(
            "attention 1, cross_entropy 0, cross_entropy 1, cross_entropy 2, layer_norm 1, layer_norm 2, qk_norm 1, rms_norm 1",
            string.Join(", ",full));
    }

    private static ModelSpec InFp32(params string[] layers) =>
        Models.Gpt2 with { Efficiency = new() { Precision = new() { Compute = Precision.Bf16, Fp32 = layers.ToEquatableArray() } } };

    private static Dictionary<string, TensorType> Types(ModelSpec spec) =>
        Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec).Main.Types();

    [Theory]
    [InlineData(Precision.Bf16, "bf16")]
    [InlineData(Precision.Fp16, "f16")]
    public void Activations_follow_the_weights_and_the_loss_stays_fp32(Precision precision, string type)
    {
        var spec = Models.Gpt2 with { Efficiency = new() { Precision = new() { Compute = precision } } };
        var graph = new PlacePrecision().Run(new InferShapes().Run(GraphBuilder.Build(spec), spec), spec);
        var types = graph.Main.Types();
        Assert.Equal($"{type}[V, C]", types["embedding.weight"].ToString());
        Assert.Equal($"{type}[B, T, C]", types["blocks"].ToString());
        Assert.Equal("f32[C]", types["norm.weight"].ToString());
        Assert.Equal("f32[]", types["loss"].ToString());
    }
}
