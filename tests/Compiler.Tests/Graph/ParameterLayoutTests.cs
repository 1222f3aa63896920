using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Graphs;

public sealed class ParameterLayoutTests
{
    private static ParameterLayout Layout(ModelSpec spec) => ParameterLayout.Of(Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec));

    [Fact]
    public void Gpt2_has_its_published_number_of_parameters()
    {
        var spec = Models.Gpt2 with
        {
            Architecture = new() { Family = Family.Decoder, Vocabulary = 50257, Context = 1024, Width = 768, Layers = 12, Heads = 12, TieEmbeddings = true },
        };
        Assert.Equal(124_439_808, Layout(spec).Count);
    }

    [Fact]
    public void Llama_2_7B_has_its_published_number_of_parameters()
    {
        var spec = Models.Gpt2 with
        {
            Architecture = new()
            {
                Family = Family.Decoder, Vocabulary = 32000, Context = 4096, Width = 4096, Layers = 32, Heads = 32, Position = PositionKind.Rope,
                Norm = NormKind.Rms, Bias = false, Mlp = new() { Kind = MlpKind.Swiglu, Hidden = 11008 },
            },
        };
        Assert.Equal(6_738_415_616, Layout(spec).Count);
    }

    [Fact]
    public void Layers_that_share_a_set_of_parameters_have_it_once()
    {
        var (own, shared) = (Layout(Models.Shared.Sharing(null)), Layout(Models.Shared));
        long OfBlocks(ParameterLayout layout) => layout.Slots.Where(s => s.Block == "blocks").Sum(s => s.Sets * s.Parameter.Type.Elements);
        Assert.Equal(OfBlocks(own) / 2, OfBlocks(shared));
        Assert.Equal(OfBlocks(own) / 2, own.Count - shared.Count);
        Assert.True(shared.Elements < own.Elements);
    }

    [Fact]
    public void As_many_groups_as_layers_are_no_sharing()
    {
        var (own, shared) = (Models.Shared.Sharing(null), Models.Shared.Sharing(new ShareSpec { Groups = 4 }));
        foreach (var passes in new[] { Pipelines.Training, Pipelines.Inference })
            Assert.Equal(Pipelines.Run(passes, GraphBuilder.Build(own), own), Pipelines.Run(passes, GraphBuilder.Build(shared), shared));
    }

    [Fact]
    public void Parameters_never_overlap_and_matrices_come_first()
    {
        var layout = Layout(Models.Blocks);
        var ranges = layout.Slots
            .SelectMany(s => Enumerable.Range(0, s.Sets).Select(i => (Start: s.Offset + (i * s.Stride), s.Parameter.Type.Elements, s.Parameter.IsMatrix)))
            .OrderBy(r => r.Start).ToList();
        foreach (var (a, b) in ranges.Zip(ranges.Skip(1))) Assert.True(a.Start + a.Elements <= b.Start);
        Assert.All(ranges, r => Assert.Equal(r.IsMatrix, r.Start < layout.MatrixElements));
        Assert.True(ranges[^1].Start + ranges[^1].Elements <= layout.Elements);
    }
}
