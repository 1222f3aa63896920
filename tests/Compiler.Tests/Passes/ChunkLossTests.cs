using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class ChunkLossTests
{
    [Theory]
    [InlineData(256, 8, 0)] // 2 MiB of logits: whole
    [InlineData(2048, 8, 1024)] // 1024 rows take 8 MiB
    [InlineData(50_257, 8, 512)] // more than that, but fewer rows would be slow
    [InlineData(50_257, 2, 256)] // but never all of them at once
    [InlineData(50_257, 1, 128)]
    [InlineData(50_257, 9, 576)] // 2304 rows, halved
    [InlineData(50_257, 7, 896)] // 1792, of which the half of the half would be too few
    public void Large_logits_are_divided(int vocabulary, int batch, long rows)
    {
        var spec = Models.Gpt2;
        spec = spec with
        {
            Architecture = spec.Architecture with { Vocabulary = vocabulary, Context = 256 }, Training = spec.Training with { Batch = batch },
        };
        var before = InferShapes.Infer(GraphBuilder.Build(spec));
        var graph = new ChunkLoss().Run(new FoldBiases().Run(before, spec), spec);
        GraphVerifier.Verify(graph, nameof(ChunkLoss));
        var loss = graph.Main.Nodes[graph.Main.Nodes.Count - 1];
        Assert.Equal(rows == 0 ? "cross_entropy" : "linear_cross_entropy", loss.Op);
        if (rows == 0) return;
        Assert.Equal(rows, loss.Attributes.Long("rows"));
        Assert.DoesNotContain(graph.Main.Nodes, n => n.Outputs.Any(o => o.Type!.Elements == batch * 256L * vocabulary));
    }
}
