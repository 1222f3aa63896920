using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler;

/// <summary>A model after all passes. Structurally equal, without positions.</summary>
public sealed record CompiledModel(ModelSpec Spec);

/// <summary>What compiling a spec gives. The model is null exactly when one of the diagnostics is an error.</summary>
public sealed record CompilationResult(CompiledModel? Model, EquatableArray<Diagnostic> Diagnostics);

public static class ModelCompilation
{
    /// <summary>Validates the spec, builds its graph and runs the pipelines.</summary>
    public static CompilationResult Compile(ModelSpec spec)
    {
        var diagnostics = SpecValidator.Validate(spec);
        var failed = diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        return new CompilationResult(failed ? null : new CompiledModel(spec), diagnostics);
    }
}
