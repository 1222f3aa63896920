using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class StripTrainingTests
{
    [Fact]
    public void Dropout_and_loss_go_and_logits_are_returned()
    {
        var dropout = Node("dropout", "d", "x") with
        {
            Outputs = EquatableArray.Of(new Value("d"), new Value("m")), Attributes = Attributes.Of(("rate", 0.5), ("site", 0)),
        };
        var loss = Node("cross_entropy", "loss", "y", "targets") with { Outputs = EquatableArray.Of(new Value("loss"), new Value("losses"), new Value("lse")) };
        var graph = Graph([Weight("w", C, C)], [dropout, Node("linear", "y", "d", "w"), loss], "loss");
        graph = graph with { Main = graph.Main with { Inputs = graph.Main.Inputs.Append(new Value("targets", TensorType.Of(DType.I64, B, T))).ToEquatableArray() } };
        Check(
            new StripTraining(), graph,
            """
            function main(x: f32[B, T, C], targets: i64[B, T])
              parameter w: f32[C, C] = w[8] normal(0.02)
              d: f32[B, T, C], m: u8[B, T, C] = dropout(x) {rate = 0.5, site = 0}
              y: f32[B, T, C] = linear(d, w)
              loss: f32[], losses: f32[B], lse: f32[B, T] = cross_entropy(y, targets)
              return loss
            """,
            """
            function main(x: f32[B, T, C])
              parameter w: f32[C, C] = w[8] normal(0.02)
              y: f32[B, T, C] = linear(x, w)
              return y
            """);
    }

    /// <summary>What earlier segments left is in the key-value cache.</summary>
    [Fact]
    public void The_memory_goes_with_its_keys_and_values()
    {
        var block = Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(Models.TransformerXl), Models.TransformerXl).Block("blocks");
        Assert.DoesNotContain(block.Nodes, node => node.Op == "recall" || node.Outputs.Any(output => output.Name.Contains("memory")));
        Assert.Equal(5, block.Nodes.Single(node => node.Op == "relative_attention").Inputs.Count);

        var training = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(Models.TransformerXl), Models.TransformerXl).Block("blocks");
        Assert.Equal(7, training.Nodes.Single(node => node.Op == "relative_attention").Inputs.Count);
        Assert.Equal(["attention.k.weight", "attention.v.weight"], training.Parameter("attention.kv.weight").Parts.Select(part => part.Name));
    }
}
