using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class ShareParametersTests
{
    [Fact]
    public void Readers_of_a_shared_parameter_read_the_one_that_it_shares() => Check(
        new ShareParameters(),
        Graph([Weight("w", C, C), Weight("v", C, C) with { SharedWith = "w" }], [Node("linear", "y", "x", "w"), Node("linear", "z", "y", "v")], "z"),
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          parameter v: f32[C, C] = v[8] normal(0.02) shares w
          y: f32[B, T, C] = linear(x, w)
          z: f32[B, T, C] = linear(y, v)
          return z
        """,
        """
        function main(x: f32[B, T, C])
          parameter w: f32[C, C] = w[8] normal(0.02)
          y: f32[B, T, C] = linear(x, w)
          z: f32[B, T, C] = linear(y, w)
          return z
        """);

    [Fact]
    public void Shapes_that_differ_cannot_be_shared()
    {
        var graph = Graph([Weight("w", C, C), Weight("v", Dim.Of(3), C) with { SharedWith = "w" }], [Node("linear", "y", "x", "v")], "y");
        var error = Assert.Throws<GraphException>(() => new ShareParameters().Run(graph, Models.Gpt2));
        Assert.Contains("'v'", error.Message);
    }
}
