using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Distillation;

/// <summary>Students with their teachers, through the whole pipeline.</summary>
public sealed class CompileTeacherTests
{
    private static readonly ModelSpec s_teacher = Models.Gpt2 with
    {
        Model = "BigLm",
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Layers = 4, Width = 16, Dropout = 0.1 },
        Training = new() { Batch = 5, Accumulate = 3 },
    };

    private static ModelSpec Student(DistillationSpec distillation) => Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 },
        Training = Models.Gpt2.Training with { Distillation = distillation with { Teacher = "BigLm" } },
    };

    private static CompilationResult Compile(ModelSpec student, ModelSpec? teacher = null) => ModelCompilation.Compile(student, new(teacher ?? s_teacher, default));

    private static CompiledModel Compiled(DistillationSpec distillation)
    {
        var result = Compile(Student(distillation));
        Assert.Empty(result.Diagnostics);
        return result.Model!;
    }

    [Fact]
    public void A_teacher_is_its_forward_pass_up_to_its_head_over_the_students_batch()
    {
        var teacher = Compiled(new()).Teacher!;
        var ops = teacher.Graph.Main.Nodes.Concat(teacher.Graph.Blocks.SelectMany(b => b.Nodes)).Select(n => n.Op).ToList();
        Assert.DoesNotContain("dropout", ops);
        Assert.DoesNotContain(ops, op => op.Contains("grad", StringComparison.Ordinal) || op.Contains("cross_entropy", StringComparison.Ordinal));
        Assert.Equal("repeat layer_norm", string.Join(' ', teacher.Graph.Main.Nodes.Select(n => n.Op).TakeLast(2)));
        Assert.Equal([2L, 4, 16], teacher.Values.Hidden.Shape.Select(d => d.Value));
        Assert.Equal([256L, 16], teacher.Values.Head.Shape.Select(d => d.Value));
    }

    /// <summary>The arena that a budget bounds has the teacher's part.</summary>
    [Fact]
    public void A_budget_counts_the_teacher()
    {
        var student = Student(new()) with { Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Layers = 6, Context = 64 } };
        var teacher = s_teacher with { Architecture = s_teacher.Architecture with { Context = 64 } };
        CompilationResult Within(long bytes) => Compile(student.With(new CheckpointSpec { Budget = new ByteSize(bytes) }), teacher);
        var whole = Compile(student, teacher).Model!;
        Assert.True(whole.ArenaBytes > whole.Training.Memory!.Bytes);
        var budget = whole.ArenaBytes * 9 / 10;
        Assert.InRange(Within(budget).Model!.ArenaBytes, 1, budget);
        Assert.Equal("MC3001", Within(whole.Teacher!.Values.KeptBytes).Diagnostics.Single().Id);
    }

    /// <summary>Checkpoints of the teacher's own runs are read by its layout.</summary>
    [Fact]
    public void Its_parameters_lie_as_in_its_own_compilation() =>
        Assert.Equal(ModelCompilation.Compile(s_teacher).Model!.Layout, Compiled(new()).Teacher!.Model.Layout);

    [Fact]
    public void The_gradient_of_the_loss_reads_the_teacher_and_evaluation_does_not()
    {
        var main = Compiled(new()).Training.Main;
        var loss = main.Nodes.Single(n => n.Op == LinearDistillationGrad.OpName);
        Assert.Equal([TeacherValues.HiddenName, TeacherValues.HeadName], loss.Inputs.TakeLast(2));
        Assert.Contains(main.Nodes, n => n.Op == "linear_cross_entropy");
        Assert.DoesNotContain(main.Nodes, n => n.Op is "cross_entropy" or "linear_cross_entropy_grad");
        Assert.Contains(DistillLogits.Divergence, main.Outputs);
    }

    [Fact]
    public void Kept_predictions_take_the_teachers_place()
    {
        var (kept, alone) = (Compiled(new() { Cache = new() { TopK = 999 } }), Compile(Student(new()) with { Training = Models.Gpt2.Training }).Model!);
        var loss = kept.Training.Main.Nodes.Single(n => n.Op == CachedDistillationGrad.OpName);
        Assert.Equal([TeacherValues.IdsName, TeacherValues.LogsName], loss.Inputs.TakeLast(2));
        Assert.Equal(256, kept.Teacher!.Values.TopK); // no more than there are
        Assert.Equal(kept.Training.Memory!.Bytes, kept.ArenaBytes);
        Assert.Equal(0, kept.Costs.TeacherBytes);
        Assert.InRange(kept.ArenaBytes, alone.ArenaBytes, alone.ArenaBytes + (2 * 8 * 256 * 4));
    }

    [Fact]
    public void Gradients_of_layers_pass_where_they_are_compared()
    {
        var model = Compiled(new() { Hidden = new(), Relations = new() { Heads = 2 }, Layers = EquatableArray.Of(0, 1, 3) });
        var (forward, backward) = (model.Training.Block("blocks"), model.Training.Block(FunctionNames.Backward("blocks")));
        var nodes = backward.Nodes.ToList();
        Assert.Equal(HiddenLossGrad.OpName, nodes[0].Op);
        Assert.Equal([backward.Inputs[0].Name, forward.Outputs[0]], nodes[0].Inputs);
        var relations = nodes.Single(n => n.Op == RelationLossGrad.OpName);
        var attention = nodes[nodes.IndexOf(relations) - 1];
        Assert.Equal("attention_grad", attention.Op);
        Assert.Equal([attention.Outputs[0].Name, attention.Inputs[1]], relations.Inputs);
        Assert.Single(nodes, n => n.Inputs.Contains(backward.Inputs[0].Name)); // what it became is read by the others
        Assert.Contains(backward.Saved, s => s.Name == forward.Outputs[0]);
        Assert.Equal([0, 1, 3], model.Teacher!.Plan.Layers.Select(l => l.Layer));
    }

    [Fact]
    public void Nothing_that_is_kept_overlaps_and_scratch_lies_under_the_student()
    {
        var model = Compiled(new() { Hidden = new(), Relations = new() { Heads = 2 } });
        var (plan, block) = (model.Teacher!.Plan, model.Teacher.Graph.Block("blocks"));
        var bytes = block.Inputs[0].Type!.Bytes;
        var kept = plan.Layers.Select(l => (Start: l.Offset, Bytes: bytes)).Concat(plan.Kept.Where(k => k.Value != "blocks").Select(k => (Start: k.Offset, k.Bytes)))
            .Append((Start: plan.Packed!.Value, Bytes: block.Types()[TeacherSites.AttentionOf(block)!.Inputs[0]].Bytes)).OrderBy(k => k.Start).ToList();
        for (var i = 1; i < kept.Count; i++) Assert.True(kept[i - 1].Start + kept[i - 1].Bytes <= kept[i].Start);
        Assert.True(kept[^1].Start + kept[^1].Bytes <= plan.KeptBytes);
        Assert.All(plan.Main, place => Assert.True(place.Offset + place.Bytes <= plan.ScratchBytes));
        Assert.Equal(Math.Max(model.Training.Memory!.Bytes, plan.ScratchBytes) + plan.KeptBytes, model.ArenaBytes);
    }

    [Fact]
    public void A_head_that_is_adapted_leaves_no_place_for_the_teacher()
    {
        var student = Student(new());
        var diagnostic = Assert.Single(Compile(student with { Efficiency = new() { Adapt = new() { Rank = 2, Targets = EquatableArray.Of("head") } } }).Diagnostics);
        Assert.Equal("MC2163", diagnostic.Id);
    }

    [Fact]
    public void A_student_by_itself_has_no_teacher() => Assert.Equal("MC2160", Assert.Single(ModelCompilation.Compile(Student(new())).Diagnostics).Id);
}
