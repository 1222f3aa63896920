using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class PackProjectionsTests
{
    private static readonly Dim Two = Dim.Of(2);

    private static Node Side(params string[] parts) => Node("concat", "y", parts) with { Attributes = Concat.Starts([8, 2]) };

    [Fact]
    public void Linear_layers_side_by_side_become_one() => Check(
        new PackProjections(),
        Graph(
            [Weight("q", C, C), Weight("k", Two, C), Weight("qb", C), Weight("kb", Two)],
            [Node("linear", "a", "x", "q"), Node("add_bias", "ab", "a", "qb"), Node("linear", "b", "x", "k"), Node("add_bias", "bb", "b", "kb"), Side("ab", "bb")],
            "y"),
        """
        function main(x: f32[B, T, C])
          parameter q: f32[C, C] = q[8] normal(0.02)
          parameter k: f32[2, C] = k[2] normal(0.02)
          parameter qb: f32[C] = qb[8] normal(0.02)
          parameter kb: f32[2] = kb[2] normal(0.02)
          a: f32[B, T, C] = linear(x, q)
          ab: f32[B, T, C] = add_bias(a, qb)
          b: f32[B, T, 2] = linear(x, k)
          bb: f32[B, T, 2] = add_bias(b, kb)
          y: f32[B, T, 10] = concat(ab, bb) {start0 = 0, start1 = 8, start2 = 10}
          return y
        """,
        """
        function main(x: f32[B, T, C])
          parameter y.weight: f32[10, C] = q[8] normal(0.02) + k[2] normal(0.02)
          parameter y.bias: f32[10] = qb[8] normal(0.02) + kb[2] normal(0.02)
          y.product: f32[B, T, 10] = linear(x, y.weight)
          y: f32[B, T, 10] = add_bias(y.product, y.bias)
          return y
        """);

    [Fact]
    public void A_weight_that_is_used_twice_is_not_packed()
    {
        const string same = """
            function main(x: f32[B, T, C])
              parameter q: f32[C, C] = q[8] normal(0.02)
              parameter k: f32[2, C] = k[2] normal(0.02)
              a: f32[B, T, C] = linear(x, q)
              c: f32[B, T, C] = linear(a, q)
              b: f32[B, T, 2] = linear(x, k)
              y: f32[B, T, 10] = concat(a, b) {start0 = 0, start1 = 8, start2 = 10}
              return y
            """;
        Check(
            new PackProjections(),
            Graph([Weight("q", C, C), Weight("k", Two, C)], [Node("linear", "a", "x", "q"), Node("linear", "c", "a", "q"), Node("linear", "b", "x", "k"), Side("a", "b")], "y"),
            same, same);
    }
}
