using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class InferShapesTests
{
    [Fact]
    public void Every_value_gets_its_type()
    {
        var graph = Graph([Weight("w", Dim.Of(24), C)], [Node("linear", "h", "x", "w"), Node("swiglu", "y", "h")], "y");
        Assert.Equal(
            """
            function main(x: f32[B, T, C])
              parameter w: f32[24, C] = w[24] normal(0.02)
              h = linear(x, w)
              y = swiglu(h)
              return y
            """.Replace("\r", ""),
            Text(graph));
        Assert.Equal(
            """
            function main(x: f32[B, T, C])
              parameter w: f32[24, C] = w[24] normal(0.02)
              h: f32[B, T, 3C] = linear(x, w)
              y: f32[B, T, 12] = swiglu(h)
              return y
            """.Replace("\r", ""),
            Text(new InferShapes().Run(graph, Models.Gpt2)));
    }

    [Fact]
    public void A_block_takes_the_type_that_main_carries_into_it()
    {
        var block = new Function(
            "blocks", EquatableArray.Of(new Value("x")), EquatableArray<Parameter>.Empty,
            EquatableArray.Of(Node("gelu", "y", "x")), EquatableArray.Of("y"));
        var repeat = Node("repeat", "z", "x") with { Attributes = Attributes.Of(("block", "blocks"), ("times", 3)) };
        Assert.Equal(
            """
            function blocks(x: f32[B, T, C])
              y: f32[B, T, C] = gelu(x)
              return y

            function main(x: f32[B, T, C])
              z: f32[B, T, C] = repeat(x) {block = "blocks", times = 3}
              return z
            """.Replace("\r", ""),
            Text(new InferShapes().Run(Graph([], [repeat], "z", block), Models.Gpt2)));
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_named()
    {
        var graph = Graph([Weight("w", C, Dim.Of(5))], [Node("linear", "y", "x", "w")], "y");
        var error = Assert.Throws<GraphException>(() => new InferShapes().Run(graph, Models.Gpt2));
        Assert.Equal("linear(f32[B, T, C], f32[C, 5]): the widths of x and weight differ", error.Message);
    }
}
