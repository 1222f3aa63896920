using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
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

    /// <summary>A residual that goes round a norm: the gradients of both ways are summed where the norm's is calculated.</summary>
    [Fact]
    public void The_gradient_of_a_norm_takes_that_of_the_residual() => Check(
        new Fuse(),
        Graph(
            [Weight("w", C)],
            [
                Node("rms_norm", "n", "x", "w") with
                {
                    Attributes = Attributes.Of(("epsilon", 1e-6)), Outputs = EquatableArray.Of(new Value("n"), new Value("rstd")),
                },
                Node("rms_norm_grad", "g", "n", "x", "rstd", "w") with { Outputs = EquatableArray.Of(new Value("g"), new Value("dw")) },
                Node("add", "d", "n", "g"),
            ],
            "d"),
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C] = w[8] normal(0.02)
          n: f32[B, T, C], rstd: f32[B, T] = rms_norm(x, w) {epsilon = 1E-06}
          g: f32[B, T, C], dw: f32[C] = rms_norm_grad(n, x, rstd, w)
          d: f32[B, T, C] = add(n, g)
          return d
        """,
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C] = w[8] normal(0.02)
          n: f32[B, T, C], rstd: f32[B, T] = rms_norm(x, w) {epsilon = 1E-06}
          d: f32[B, T, C], dw: f32[C] = rms_norm_grad(n, x, rstd, w, _, n)
          return d
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
