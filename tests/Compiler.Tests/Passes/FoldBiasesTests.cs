using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class FoldBiasesTests
{
    [Fact]
    public void Activations_and_residual_sums_take_the_bias_before_them() => Check(
        new FoldBiases(),
        Graph(
            [Weight("w", C, C), Weight("b", C), Weight("v", C, C), Weight("c", C)],
            [
                Node("linear", "p", "x", "w"), Node("add_bias", "u", "p", "b"), Node("gelu", "a", "u"),
                Node("linear", "q", "a", "v"), Node("add_bias", "d", "q", "c"), Node("add", "y", "x", "d"),
            ],
            "y"),
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          parameter b: f32[C] = b[8] normal(0.02)
          parameter v: f32[C, C] = v[8] normal(0.02)
          parameter c: f32[C] = c[8] normal(0.02)
          p: f32[B, T, C] = linear(x, w)
          u: f32[B, T, C] = add_bias(p, b)
          a: f32[B, T, C] = gelu(u)
          q: f32[B, T, C] = linear(a, v)
          d: f32[B, T, C] = add_bias(q, c)
          y: f32[B, T, C] = add(x, d)
          return y
        """,
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          parameter b: f32[C] = b[8] normal(0.02)
          parameter v: f32[C, C] = v[8] normal(0.02)
          parameter c: f32[C] = c[8] normal(0.02)
          p: f32[B, T, C] = linear(x, w)
          a: f32[B, T, C] = gelu(p, b)
          q: f32[B, T, C] = linear(a, v)
          y: f32[B, T, C] = add(x, q, c)
          return y
        """);

    [Fact]
    public void A_biased_value_that_something_else_reads_stays()
    {
        const string same = """
            function main(x: f32[B, T, C])
              parameter b: f32[C] = b[8] normal(0.02)
              u: f32[B, T, C] = add_bias(x, b)
              a: f32[B, T, C] = gelu(u)
              y: f32[B, T, C] = multiply(a, u)
              return y
            """;
        Check(new FoldBiases(), Graph([Weight("b", C)], [Node("add_bias", "u", "x", "b"), Node("gelu", "a", "u"), Node("multiply", "y", "a", "u")], "y"), same, same);
    }
}
