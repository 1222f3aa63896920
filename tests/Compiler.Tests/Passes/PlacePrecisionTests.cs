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
        new PlacePrecision(), Graph([Weight("n", C)], [Norm], "y"), Before, Before, Models.Gpt2.InBf16());

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
