using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>Finds the model that proposes tokens to another.</summary>
internal static class DraftModels
{
    private const string Path = "efficiency.speculate.draft";

    /// <returns>The model with its draft model, or null beside a diagnostic.</returns>
    public static (CompiledModel? Model, IEnumerable<LocatedDiagnostic> Diagnostics) Join(
        CompiledModel model, EquatableArray<ProjectModel> models, SourceMap map)
    {
        var spec = model.Spec;
        if (spec.Efficiency.Speculate is not { Draft: var name }) return (model, []);
        var others = models.Where(other => other.Name != spec.Model).ToArray();
        if (others.FirstOrDefault(other => other.Name == name) is not { } draft)
            return (null, [map.Locate(DiagnosticCatalog.UnknownDraftModel.At(Path, name == spec.Model
                ? $"{name} gains nothing by its own proposals; name a smaller model"
                : others.Length == 0
                    ? $"the project has no model '{name}'; declare it, in a file such as {name.ToLowerInvariant()}.model.yaml"
                    : $"the project has no model '{name}'; {Suggestion.For(name, others.Select(other => other.Name).ToArray(), "models")}"))]);
        return draft.Vocabulary == spec.Architecture.Vocabulary
            ? (model with { DraftModel = "global::" + draft.Class }, [])
            : (null, [map.Locate(DiagnosticCatalog.DraftModelFit.At(Path,
                $"{name} has a vocabulary of {draft.Vocabulary}, but {spec.Model} {spec.Architecture.Vocabulary}; give them the same tokenizer"))]);
    }
}
