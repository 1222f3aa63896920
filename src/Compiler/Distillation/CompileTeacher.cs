using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Frontends.Validation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.Compiler.Sizing;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Distillation;

/// <summary>
/// Compiles a declared model as the teacher of another: its forward pass over the student's batches, without dropout, loss or
/// gradients. The head is left to the student's loss, which takes it a few rows at a time.
/// </summary>
internal static class CompileTeacher
{
    private const string Path = "training.distillation.teacher";

    /// <param name="student">The student.</param>
    /// <param name="own">The student's graph.</param>
    /// <param name="choice">What the project has under the teacher's name.</param>
    /// <exception cref="PassException">There is no such model, or it does not fit.</exception>
    public static TeacherProgram Run(ModelSpec student, Graph own, TeacherChoice? choice)
    {
        var teacher = Sized(choice?.Spec ?? throw Unknown(student, choice?.Others ?? default));
        TeacherRules.Check(student, teacher);
        var spec = AsTeacher(teacher, student);
        Graph graph;
        try
        {
            graph = Pipelines.Run(Pipelines.Teacher, GraphBuilder.Build(spec) with { Encoding = null }, spec);
        }
        catch (PassException e)
        {
            throw Misfit($"{teacher.Model} does not compile: {e.Diagnostic.Message}");
        }

        // The student's widths are known when its graph has types.
        own = new PackProjections().Run(new InferShapes().Run(own, student), student);
        return Of(student, spec, graph, TeacherSites.Of(student, own, spec, graph));
    }

    private static PassException Unknown(ModelSpec student, EquatableArray<string> others)
    {
        var name = student.Training.Distillation!.Teacher;
        return new(DiagnosticCatalog.UnknownTeacher.At(Path, name == student.Model
            ? $"{name} cannot teach itself; name another model"
            : others.Count == 0
                ? $"the project has no model '{name}'; declare it, in a file such as {name.ToLowerInvariant()}.model.yaml"
                : $"the project has no model '{name}'; {Suggestion.For(name, others, "models")}"));
    }

    private static PassException Misfit(string message) => new(DiagnosticCatalog.TeacherFit.At(Path, message));

    private static ModelSpec Sized(ModelSpec teacher)
    {
        if (teacher.Architecture.Size is not null && !SizeRules.Check(teacher.Architecture).Any())
        {
            var (sized, size, _) = ChooseSize.Run(teacher);
            if (size is not null) teacher = sized;
        }
        return SpecValidator.Validate(teacher).Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            ? throw Misfit($"the declaration of {teacher.Model} has errors; mend them first")
            : teacher;
    }

    /// <summary>The teacher's layers over the student's batches. What else is declared of its training and export is none of the student's business.</summary>
    private static ModelSpec AsTeacher(ModelSpec teacher, ModelSpec student)
    {
        var own = teacher.Efficiency.Precision;
        var compute = student.Training.Distillation!.Precision ?? own.Compute;
        return teacher with
        {
            Efficiency = new() { Precision = new() { Compute = compute, Fp32 = compute == Precision.Fp32 ? default : own.Fp32 } },
            Training = new() { Batch = student.Training.Batch, Objective = teacher.Training.Objective, Data = teacher.Training.Data },
        };
    }

    private static TeacherProgram Of(ModelSpec student, ModelSpec spec, Graph graph, TeacherSites? sites)
    {
        var flops = Costs.Flops(graph.Main, graph.Main.Nodes)
            + graph.Main.Nodes.Where(OpTable.IsRepeat).Sum(n => n.Attributes.Long("times") * Costs.Flops(graph.Block(n.Attributes.String("block")), graph.Block(n.Attributes.String("block")).Nodes));
        var main = graph.Main;
        Node Producer(string value) => main.Nodes.First(n => n.Outputs[0].Name == value);
        var last = Producer(main.Outputs[0]);
        var cap = last.Op == "softcap" ? last.Attributes.Double("cap") : 0;
        var head = cap > 0 ? Producer(last.Inputs[0]) : last;
        if (head.Op != "linear") throw Misfit($"the logits of {spec.Model} come from '{head.Op}'; a teacher ends with its head, and with 'softcap' at most");

        var (hidden, types) = (head.Inputs[0], main.Types());
        graph = graph with
        {
            Main = main with
            {
                Nodes = main.Nodes.Where(n => n != head && n != last).ToEquatableArray(),
                Outputs = EquatableArray.Of(hidden),
            },
        };
        var (plan, kept) = (PlanForward.Of(graph, sites), Math.Min(student.Training.Distillation!.Cache?.TopK ?? 0, spec.Architecture.Vocabulary));
        var values = new TeacherValues(types[hidden], types[head.Inputs[1]], head.Inputs.Count > 2, cap)
        {
            TopK = kept,
            ScratchBytes = kept > 0 ? 0 : plan.ScratchBytes,
            KeptBytes = kept > 0 ? 0 : plan.KeptBytes,
            Layers = sites is null ? null : Layers(graph.Block(sites.Block)),
        };
        var model = new CompiledModel(spec, graph, graph, graph, ParameterLayout.Of(graph), null);
        return new TeacherProgram(model, values, plan, flops) { Sites = sites, Head = head.Inputs[1], HeadBias = head.Inputs.Count > 2 ? head.Inputs[2] : null };
    }

    private static TeacherLayers Layers(Function block)
    {
        var attention = TeacherSites.AttentionOf(block)?.Attributes;
        return new(block.Inputs[0].Type!.Last.Value, attention?.Long("heads") ?? 0, attention?.Long("kv_heads") ?? 0);
    }
}
