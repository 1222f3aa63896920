using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Emit.Inference;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Frontends.Validation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.Compiler.Pruning;
using ModelCompiler.Compiler.Report;
using ModelCompiler.Compiler.Scoring;
using ModelCompiler.Compiler.Sizing;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler;

/// <summary>A model after all passes. Structurally equal, without positions.</summary>
/// <param name="KeptEverything">Arena bytes of the same model without <c>checkpoint</c>; null where there is none.</param>
public sealed record CompiledModel(ModelSpec Spec, Graph Training, Graph Inference, Graph Export, ParameterLayout Layout, long? KeptEverything)
{
    /// <summary>Of the parameters that are not trained; without slots where all are.</summary>
    public ParameterLayout Frozen { get; init; } = ParameterLayout.Of(Training, frozen: true);

    /// <summary>The program of the Hessian's product with a direction, for meta-learning of second order; null without.</summary>
    public Graph? Hessian { get; init; }

    /// <summary>Whether it predicts numbers rather than tokens.</summary>
    public bool IsRegression => ObjectiveSpec.Resolve(Spec).Kind == ObjectiveKind.Regression;

    /// <summary>What it costs.</summary>
    public CostReport Costs { get; init; } = new();

    /// <summary>The parts that <c>pruning: { to }</c> removes; none without.</summary>
    public EquatableArray<PrunedStructure> Structures { get; init; }

    /// <summary>The smaller model that is left then; null without.</summary>
    public CompiledModel? Pruned { get; init; }

    /// <summary>What <c>architecture.size</c> has chosen; null where it was not asked.</summary>
    public SizeChoice? Size { get; init; }

    /// <summary>The methods of its class that it calls; the generator finds them.</summary>
    public EquatableArray<UserMethod> Methods { get; init; }

    /// <summary>The model that it learns from; null for none.</summary>
    public TeacherProgram? Teacher { get; init; }

    /// <summary>The forward pass that judges its samples; null where training's own does, or nothing.</summary>
    public ScoringProgram? Scoring { get; init; }

    /// <summary>Bytes of the arena of a training step, with a teacher's forward pass or the Hessian's product, and of what judges samples before it.</summary>
    public long ArenaBytes => Math.Max(Arena(Training.Memory!.Bytes, Teacher, Scoring), Hessian?.Memory!.Bytes ?? 0);

    /// <summary>The arena of a step that needs so many bytes by itself, with what runs before it.</summary>
    internal static long Arena(long step, TeacherProgram? teacher, ScoringProgram? scoring) => Math.Max(teacher?.ArenaBytes(step) ?? step, scoring?.ArenaBytes ?? 0);

    /// <summary>The class of the model that judges its samples, which the generator finds; null for none.</summary>
    public string? ScoringModel { get; init; }

    /// <summary>The class of the model that proposes tokens to it, which the generator finds; null for none.</summary>
    public string? DraftModel { get; init; }
}

/// <summary>What compiling a spec gives. The model is null exactly when one of the diagnostics is an error.</summary>
public sealed record CompilationResult(CompiledModel? Model, EquatableArray<Diagnostic> Diagnostics);

public static class ModelCompilation
{
    /// <summary>Chooses the sizes that the spec leaves open, validates it, builds its graph and runs the pipelines.</summary>
    public static CompilationResult Compile(ModelSpec spec) => Compile(spec, null);

    /// <summary>The same for a model of a project.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="choice">What the project has under the name of its teacher, where it names one.</param>
    public static CompilationResult Compile(ModelSpec spec, TeacherChoice? choice)
    {
        if (spec.Architecture.Size is not null && !SizeRules.Check(spec.Architecture).Any())
        {
            var (sized, size, problems) = ChooseSize.Run(spec);
            if (size is null) return new(null, problems);
            var result = Compile(sized, choice);
            return result with { Model = result.Model is { } chosen ? chosen with { Size = size } : null };
        }

        var diagnostics = SpecValidator.Validate(spec);
        if (diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)) return new(null, diagnostics);

        var graph = GraphBuilder.Build(spec);
        try
        {
            var teacher = spec.Training.Distillation is null ? null : CompileTeacher.Run(spec, graph, choice);
            graph = graph with { Teacher = teacher?.Values };
            var scoring = CompileScoring.Run(spec);
            var training = Pipelines.Run(Pipelines.Training, graph, spec);
            var inference = Pipelines.Run(Pipelines.Inference, KeepEncoding(graph), spec);
            var export = Pipelines.Run(Pipelines.Export, KeepEncoding(graph), spec);
            var model = new CompiledModel(spec, training, inference, export, ParameterLayout.Of(training), KeptEverything(graph, spec, teacher, scoring)) { Teacher = teacher, Scoring = scoring };
            if (teacher is not null) InitializeRules.Check(model, teacher);
            if (spec.Training.Distillation?.OnPolicy is not null && Generation.Obstacle(inference) is { } obstacle)
                throw new PassException(DiagnosticCatalog.DistillationConflict.At("training.distillation.on-policy", $"the student cannot write: its {obstacle.Op} stands outside of the repeated blocks; put it into a 'repeat'"));
            if (spec.Efficiency.Pruning?.To is not null)
            {
                var smaller = Compile(RemovePruned.Run(spec));
                if (smaller.Model is null)
                    return new(null, diagnostics.Append(DiagnosticCatalog.PruningParts.At(
                        "efficiency.pruning.to", "the smaller model cannot be: " + smaller.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Message)).ToEquatableArray());
                model = model with { Structures = PrunedStructures.Of(spec, model.Layout), Pruned = smaller.Model };
            }
            if (spec.Training.Meta is { IsSecondOrder: true }) model = model with { Hessian = Pipelines.Run(Pipelines.Hessian, graph, spec) };
            model = model with { Costs = CostReport.Of(model) };
            var exceeded = Limits.Check(spec.Limits, model.Costs).ToList();
            return new(exceeded.Count == 0 ? model : null, diagnostics.Concat(exceeded).ToEquatableArray());
        }
        catch (PassException e)
        {
            return new(null, diagnostics.Append(e.Diagnostic).ToEquatableArray());
        }
    }

    /// <summary>Passes keep what main returns: in inference also the vectors that an encoder gives.</summary>
    private static Graph KeepEncoding(Graph graph) => graph.Encoding is { } encoding
        ? graph with { Main = graph.Main with { Outputs = graph.Main.Outputs.Concat(encoding.Values).ToEquatableArray() } }
        : graph;

    /// <summary>What checkpointing is compared with in the report.</summary>
    private static long? KeptEverything(Graph graph, ModelSpec spec, TeacherProgram? teacher, ScoringProgram? scoring)
    {
        if (spec.Efficiency.Checkpoint is null) return null;
        var plain = spec with { Efficiency = spec.Efficiency with { Checkpoint = null } };
        var bytes = Pipelines.Run(Pipelines.Training, graph, plain).Memory!.Bytes;
        return CompiledModel.Arena(bytes, teacher, scoring);
    }
}
