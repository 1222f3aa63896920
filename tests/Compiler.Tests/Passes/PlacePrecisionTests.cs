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
    [InlineData("blocks.1.mlp", "MC2046", "write 'blocks.*.mlp'")]
    [InlineData("blocks.1.mpl", "MC2045", "no such layer as 'blocks.1.mpl'")]
    public void Patterns_that_match_nothing_are_refused(string pattern, string id, string text)
    {
        var diagnostic = Assert.Single(ModelCompilation.Compile(
            InFp32("head", pattern) with { Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 } }).Diagnostics);
        Assert.Equal((id, "efficiency.precision.fp32[1]"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains(text, diagnostic.Message);
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
