using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class CheckpointSearchTests
{
    private static readonly ModelSpec Spec = Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Context = 64, Width = 64, Layers = 8, Heads = 2 },
        Training = new() { Batch = 4 },
    };

    private static CompiledModel Compile(CheckpointSpec? checkpoint)
    {
        var result = ModelCompilation.Compile(checkpoint is null ? Spec : Spec.With(checkpoint));
        return result.Model ?? throw new InvalidOperationException(string.Join("; ", result.Diagnostics));
    }

    private static (long Bytes, long Flops) Cost(CheckpointSpec? checkpoint)
    {
        var model = Compile(checkpoint);
        return (model.Training.Memory!.Bytes, Costs.RecomputedFlops(model.Training));
    }

    [Fact]
    public void A_budget_that_everything_fits_costs_nothing_more()
    {
        var plain = Cost(null);
        Assert.Equal(plain, Cost(new() { Budget = new ByteSize(plain.Bytes) }));
    }

    [Fact]
    public void The_plan_fits_and_a_smaller_budget_never_costs_less()
    {
        var (bytes, flops) = Cost(null);
        for (var share = 0.95; share > 0.3; share -= 0.05)
        {
            var budget = (long)(bytes * share);
            var cost = Cost(new() { Budget = new ByteSize(budget) });
            Assert.True(cost.Bytes <= budget, $"{cost.Bytes} exceeds {budget}");
            Assert.True(cost.Flops >= flops, $"{cost.Flops} FLOPs at a budget of {budget}, {flops} at a larger one");
            flops = cost.Flops;
        }
    }

    /// <summary>Layers of two precisions in turns are as many loops as layers, whose choices are too many to combine all.</summary>
    [Fact]
    public void Many_loops_fit_too()
    {
        ModelSpec With(CheckpointSpec? checkpoint) => Spec with
        {
            Efficiency = new() { Checkpoint = checkpoint, Precision = new() { Compute = Precision.Bf16, Fp32 = EquatableArray.Of("blocks.0", "blocks.2", "blocks.4", "blocks.6") } },
        };
        var whole = ModelCompilation.Compile(With(null)).Model!.Training;
        Assert.Equal(8, whole.Main.Nodes.Count(n => n.Op == "repeat"));
        var budget = whole.Memory!.Bytes * 9 / 10;
        var result = ModelCompilation.Compile(With(new() { Budget = new ByteSize(budget) }));
        Assert.Empty(result.Diagnostics);
        Assert.True(result.Model!.Training.Memory!.Bytes <= budget);
    }

    [Fact]
    public void No_other_directive_fits_the_same_bytes_for_fewer_flops()
    {
        CheckpointSpec[] others =
        [
            new() { Every = 1 }, new() { Every = 2 }, new() { Every = 3 }, new() { Layers = CheckpointLayers.Sqrt },
            new() { Save = EquatableArray.Of("attention") }, new() { Save = EquatableArray.Of("mlp.up", "attention.mix") },
        ];
        foreach (var other in others)
        {
            var (bytes, flops) = Cost(other);
            var found = Cost(new() { Budget = new ByteSize(bytes) });
            Assert.True(found.Flops <= flops, $"{other}: {found.Flops} FLOPs found, {flops} known");
        }
    }

    [Fact]
    public void A_budget_that_cannot_be_met_names_the_least_possible()
    {
        var error = ModelCompilation.Compile(Spec.With(new() { Budget = new ByteSize(100_000) })).Diagnostics.Single();
        Assert.Equal(("MC3001", "efficiency.checkpoint.budget"), (error.Id, error.SpecPath));
        var least = long.Parse(error.Message.Split('(')[1].Split(' ')[0]);
        Assert.Equal(least, Cost(new() { Budget = new ByteSize(least) }).Bytes);
        Assert.Null(ModelCompilation.Compile(Spec.With(new() { Budget = new ByteSize(least - 1) })).Model);
    }

    [Fact]
    public void Layers_all_is_every_one_and_sqrt_is_about_the_root()
    {
        Assert.Equal(Cost(new() { Every = 1 }), Cost(new() { Layers = CheckpointLayers.All }));
        Assert.Equal([0, 3, 6, 8], Compile(new() { Layers = CheckpointLayers.Sqrt }).Training.Segments.Single().Starts);
    }

    [Fact]
    public void Save_keeps_what_it_names_and_nothing_else()
    {
        var saved = Compile(new() { Save = EquatableArray.Of("attention.mix") }).Training.Block("blocks").Saved.Select(s => s.Name);
        Assert.Equal(["x", "attention.mix", "attention.mix.lse"], saved);
        var error = ModelCompilation.Compile(Spec.With(new() { Save = EquatableArray.Of("atention") })).Diagnostics.Single();
        Assert.Equal(("MC3002", "efficiency.checkpoint.save[0]"), (error.Id, error.SpecPath));
    }

    [Fact]
    public void Whatever_is_repeated_the_gradients_are_the_same()
    {
        var small = Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Dropout = 0.5 } };
        var plain = Gradients(small);
        foreach (var checkpoint in new CheckpointSpec[] { new() { Save = EquatableArray.Of("attention.mix") }, new() { Save = EquatableArray.Of("residual1") }, new() { Every = 2 } })
            Assert.Equal(plain, Gradients(small.With(checkpoint)));
    }

    private static Dictionary<string, string> Gradients(ModelSpec spec)
    {
        var graph = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);
        var interpreter = new Interpreter(graph, ReferenceParameters.Draw(graph, 1));
        interpreter.Run(ReferenceParameters.Batch(graph, 2));
        return interpreter.Gradients.ToDictionary(g => g.Key, g => string.Join(" ", g.Value.Data));
    }
}
