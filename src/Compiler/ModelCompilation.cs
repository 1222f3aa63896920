using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler;

/// <summary>A model after all passes. Structurally equal, without positions.</summary>
public sealed record CompiledModel(ModelSpec Spec, Graph Training, Graph Inference, ParameterLayout Layout);

/// <summary>What compiling a spec gives. The model is null exactly when one of the diagnostics is an error.</summary>
public sealed record CompilationResult(CompiledModel? Model, EquatableArray<Diagnostic> Diagnostics);

public static class ModelCompilation
{
    /// <summary>Validates the spec, builds its graph and runs the pipelines.</summary>
    public static CompilationResult Compile(ModelSpec spec)
    {
        var diagnostics = SpecValidator.Validate(spec);
        if (diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)) return new(null, diagnostics);

        var graph = GraphBuilder.Build(spec);
        var training = Pipelines.Run(Pipelines.Training, graph, spec);
        var inference = Pipelines.Run(Pipelines.Inference, graph, spec);
        return new(new CompiledModel(spec, training, inference, ParameterLayout.Of(training)), diagnostics);
    }
}
