using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Generators.Attributes;
using ModelCompiler.Generators.Methods;
using ModelCompiler.Generators.Yaml;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>
/// The work of each step: pure functions from equatable values to equatable values. None throws: a bug anywhere in the
/// compiler becomes one diagnostic at its model.
/// </summary>
/// <param name="compile">The passes.</param>
/// <param name="emit">The emitter.</param>
internal sealed class Steps(
    Func<ModelSpec, TeacherChoice?, CompilationResult> compile,
    Func<CompiledModel, SourceMap, string, EquatableArray<GeneratedFile>> emit)
{
    public static DeclaredModel Read(ModelFile file)
    {
        try
        {
            return new DeclaredModel(YamlFrontend.Read(file.Text, file.Path), Namespace: null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var failure = DiagnosticCatalog.InternalFailure.At(file.Path, default, InternalFailures.Message(file.Path, e));
            return new DeclaredModel(new ReadResult(null, new SourceMap(file.Path, []), EquatableArray.Of(failure)), Namespace: null);
        }
    }

    public static DeclaredModel Read(ModelClass declared)
    {
        var (root, path, @namespace, diagnostics) = declared;
        if (root is null) return new DeclaredModel(new ReadResult(null, new SourceMap(path, []), diagnostics), @namespace);
        try
        {
            var result = SpecBinder.Bind(root, path);
            var failed = diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
            return new DeclaredModel(
                new ReadResult(failed ? null : result.Spec, result.Map, diagnostics.Concat(result.Diagnostics).ToEquatableArray()),
                @namespace);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var failure = DiagnosticCatalog.InternalFailure.At(path, root.Span, InternalFailures.Message(path, e));
            return new DeclaredModel(new ReadResult(null, new SourceMap(path, []), EquatableArray.Of(failure)), @namespace);
        }
    }

    public CompiledSpec Compile(CompilerInput input, CancellationToken cancellation)
    {
        var (spec, teacher) = input;
        cancellation.ThrowIfCancellationRequested();
        try
        {
            return new CompiledSpec(spec, compile(spec, teacher));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var failure = DiagnosticCatalog.InternalFailure.At("model", InternalFailures.Message(spec.Model, e));
            return new CompiledSpec(spec, new CompilationResult(null, EquatableArray.Of(failure)));
        }
    }

    /// <summary>Joins what the passes made of a spec with its positions and its project, and withholds models that share a name.</summary>
    public static LocatedModel Locate(DeclaredModel declared, IEnumerable<CompiledSpec> compiled, Project project)
    {
        var (spec, map, diagnostics) = declared.Result;
        if (spec is null) return new LocatedModel(null, map, "", diagnostics);

        var result = compiled.First(candidate => candidate.Spec == spec).Result;
        diagnostics = diagnostics.Concat(result.Diagnostics.Select(map.Locate)).ToEquatableArray();
        if (spec.Efficiency.Precision.Tf32 && project.Accelerator == "cpu")
            diagnostics = diagnostics.Append(map.Locate(DiagnosticCatalog.Tf32OnCpu.At("efficiency.precision.tf32",
                "'tf32' has no effect on a CPU, and ModelCompilerAccelerator is cpu; remove it, or build for cuda"))).ToEquatableArray();
        if (spec.Efficiency.Precision.Fp8.Count > 0 && project.Accelerator == "cpu")
            diagnostics = diagnostics.Append(map.Locate(DiagnosticCatalog.Fp8OnCpu.At("efficiency.precision.fp8",
                "a CPU has no fp8 products, and ModelCompilerAccelerator is cpu; remove 'fp8', or build for cuda"))).ToEquatableArray();
        var facts = Facts(declared, project.RootNamespace);

        var place = Place(declared);
        var others = project.Clashes
            .Where(other => other != place && StringComparer.OrdinalIgnoreCase.Equals(other.Name, spec.Model))
            .ToEquatableArray();
        if (others.Count > 0)
        {
            var clash = DiagnosticCatalog.DuplicateModel.At(
                "model", $"the project has another model named {spec.Model}, at {string.Join(" and ", others)}; rename one");
            return new LocatedModel(null, map, facts.Namespace, diagnostics.Append(map.Locate(clash)).ToEquatableArray());
        }

        if (result.Model is null) return new LocatedModel(null, map, facts.Namespace, diagnostics);
        var (scored, first) = ScoringModels.Join(WithTeacher(result.Model, project), project.Models, map);
        var (drafted, second) = DraftModels.Join(scored ?? result.Model, project.Models, map);
        var (joined, third) = MarkedMethods.Join(drafted ?? result.Model, facts.Class, project.Methods, map);
        return new LocatedModel(scored is null || drafted is null ? null : joined, map, facts.Namespace, diagnostics.Concat(first).Concat(second).Concat(third).ToEquatableArray());
    }

    /// <summary>The model with the class of its teacher.</summary>
    private static CompiledModel WithTeacher(CompiledModel model, Project project) => model.Teacher is { } teacher
        ? model with { Teacher = teacher with { Class = "global::" + project.Models.First(other => other.Name == teacher.Name).Class } }
        : model;

    public EmittedModel Emit(LocatedModel model, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (model.Model is null) return new EmittedModel(default, model.Diagnostics);
        try
        {
            return new EmittedModel(emit(model.Model, model.Map, model.Namespace), model.Diagnostics);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var failure = DiagnosticCatalog.InternalFailure.At("model", InternalFailures.Message(model.Model.Spec.Model, e));
            return new EmittedModel(default, model.Diagnostics.Append(model.Map.Locate(failure)).ToEquatableArray());
        }
    }

    public static ModelPlace Place(DeclaredModel declared) => new(
        declared.Result.Spec!.Model, declared.Result.Map.Path, declared.Result.Map.Find("model").StartLine + 1);

    public static ProjectModel Facts(DeclaredModel declared, string rootNamespace)
    {
        var spec = declared.Result.Spec!;
        return new ProjectModel(
            spec.Model, declared.Namespace ?? spec.Namespace ?? rootNamespace, spec.Architecture.Vocabulary, spec.Architecture.Context);
    }
}
