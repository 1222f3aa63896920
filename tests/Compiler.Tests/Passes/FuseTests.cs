using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class FuseTests
{
    [Fact]
    public void A_bias_joins_the_linear_layer_before_it() => Check(
        new Fuse(),
        Graph([Weight("w", C, C), Weight("b", C)], [Node("linear", "p", "x", "w"), Node("add_bias", "y", "p", "b")], "y"),
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          parameter b: f32[C] = b[8] normal(0.02)
          p: f32[B, T, C] = linear(x, w)
          y: f32[B, T, C] = add_bias(p, b)
          return y
        """,
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          parameter b: f32[C] = b[8] normal(0.02)
          y: f32[B, T, C] = linear(x, w, b)
          return y
        """);

    [Fact]
    public void A_product_that_something_else_reads_stays()
    {
        const string same = """
            function main(x: f32[B, T, C])
              parameter w: f32[C, C] = w[8] normal(0.02)
              parameter b: f32[C] = b[8] normal(0.02)
              p: f32[B, T, C] = linear(x, w)
              y: f32[B, T, C] = add_bias(p, b)
              z: f32[B, T, C] = add(y, p)
              return z
            """;
        Check(
            new Fuse(),
            Graph([Weight("w", C, C), Weight("b", C)], [Node("linear", "p", "x", "w"), Node("add_bias", "y", "p", "b"), Node("add", "z", "y", "p")], "z"),
            same, same);
    }
}
