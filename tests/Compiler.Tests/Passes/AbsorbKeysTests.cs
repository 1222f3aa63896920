using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class AbsorbKeysTests
{
    private static readonly Attributes Heads = Attributes.Of(("heads", 2), ("size", 3), ("rope", 2));

    [Fact]
    public void The_weight_of_keys_and_values_moves_to_queries_and_mixes()
    {
        Node[] nodes =
        [
            Node("linear", "c", "x", "down"), Node("linear", "kr", "x", "rope"), Node("linear", "q", "x", "wq"), Node("linear", "qr", "x", "wr"),
            Node("linear", "kv", "c", "up"),
            Node("latent_heads", "p", "q", "qr", "kv", "kr") with { Attributes = Heads },
            Node("attention", "m", "p") with { Outputs = EquatableArray.Of(new Value("m"), new Value("lse")), Attributes = Attributes.Of(("heads", 2), ("kv_heads", 2)) },
            Node("head_columns", "y", "m") with { Attributes = Attributes.Of(("heads", 2), ("from", 5), ("to", 3)) },
        ];
        Parameter[] weights =
            [Weight("down", Dim.Of(3), C), Weight("rope", Dim.Of(2), C), Weight("wq", Dim.Of(6), C), Weight("wr", Dim.Of(4), C), Weight("up", Dim.Of(12), Dim.Of(3))];
        const string Same =
            """
              parameter down: f32[3, C] = down[3] normal(0.02)
              parameter rope: f32[2, C] = rope[2] normal(0.02)
              parameter wq: f32[6, C] = wq[6] normal(0.02)
              parameter wr: f32[4, C] = wr[4] normal(0.02)
              parameter up: f32[12, 3] = up[12] normal(0.02)
              c: f32[B, T, 3] = linear(x, down)
              kr: f32[B, T, 2] = linear(x, rope)
              q: f32[B, T, 6] = linear(x, wq)
              qr: f32[B, T, 4] = linear(x, wr)
            """;
        Check(
            new AbsorbKeys(), Graph(weights, nodes, "y"),
            $$"""
            function main(x: f32[B, T, C])
            {{Same}}
              kv: f32[B, T, 12] = linear(c, up)
              p: f32[B, T, 30] = latent_heads(q, qr, kv, kr) {heads = 2, rope = 2, size = 3}
              m: f32[B, T, 10], lse: f32[B, 2, T] = attention(p) {heads = 2, kv_heads = 2}
              y: f32[B, T, 6] = head_columns(m) {from = 5, heads = 2, to = 3}
              return y
            """,
            $$"""
            function main(x: f32[B, T, C])
            {{Same}}
              y: f32[B, T, 6] = latent_attention(q, qr, c, kr, up) {heads = 2, rope = 2, size = 3}
              return y
            """);
    }

    /// <summary>The whole of inference with the pass and without it, in the reference interpreter.</summary>
    [Fact]
    public void It_computes_the_same()
    {
        var spec = Models.Latent;
        var graph = GraphBuilder.Build(spec);
        double[] Logits(IEnumerable<Pass> passes)
        {
            var inference = Pipelines.Run(passes, graph, spec);
            var inputs = ReferenceParameters.Batch(inference, seed: 4);
            return new Interpreter(inference, ReferenceParameters.Draw(inference, seed: 3)).Run(inputs)[inference.Main.Outputs[0]].Data;
        }

        var expected = Logits(Pipelines.Inference.Where(pass => pass is not AbsorbKeys));
        var actual = Logits(Pipelines.Inference);
        Assert.Contains(Pipelines.Run(Pipelines.Inference, graph, spec).Block("blocks").Nodes, node => node.Op == LatentAttention.OpName);
        Assert.True(expected.Max(Math.Abs) > 0.01);
        foreach (var (e, a) in expected.Zip(actual)) Assert.Equal(e, a, 1e-12);
    }

    /// <summary>An adapter beside the weight is no product of latents: whole keys are kept.</summary>
    [Fact]
    public void Adapted_keys_stay()
    {
        var spec = Models.Latent with { Efficiency = Models.Latent.Efficiency with { Adapt = new() { Rank = 2, Targets = EquatableArray.Of("blocks.*.attention.kv") } } };
        var nodes = Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(spec), spec).Block("blocks").Nodes;
        Assert.Contains(nodes, node => node.Op == "latent_heads");
        Assert.DoesNotContain(nodes, node => node.Op == LatentAttention.OpName);
    }
}
