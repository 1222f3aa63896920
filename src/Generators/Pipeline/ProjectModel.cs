using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>What other models of the project need to know of a model.</summary>
/// <param name="Name">Its declared name.</param>
/// <param name="Namespace">Of its class; empty for the global one.</param>
/// <param name="Vocabulary">Number of different tokens, V.</param>
/// <param name="Context">Longest sequence, T.</param>
public sealed record ProjectModel(string Name, string Namespace, int Vocabulary, int Context)
{
    /// <summary>Its class, with the namespace.</summary>
    public string Class => Namespace.Length == 0 ? Name : Namespace + "." + Name;
}

/// <summary>Finds the model that judges samples for another.</summary>
internal static class ScoringModels
{
    /// <returns>The model with its scoring model, or null beside a diagnostic.</returns>
    public static (CompiledModel? Model, IEnumerable<LocatedDiagnostic> Diagnostics) Join(
        CompiledModel model, EquatableArray<ProjectModel> models, SourceMap map)
    {
        var spec = model.Spec;
        if (DataSettings.ScoringModel(spec) is not { } name) return (model, []);

        var path = spec.Training.Subset?.Holdout is not null ? "training.subset.holdout" : "training.curriculum.model";
        var others = models.Where(other => other.Name != spec.Model).ToArray();
        if (others.FirstOrDefault(other => other.Name == name) is not { } scoring)
            return (null, [map.Locate(DiagnosticCatalog.UnknownScoringModel.At(path, name == spec.Model
                ? $"{name} cannot judge its own samples; name another model"
                : others.Length == 0
                    ? $"the project has no model '{name}'; declare it, in a file such as {name.ToLowerInvariant()}.model.yaml"
                    : $"the project has no model '{name}'; {Suggestion.For(name, others.Select(other => other.Name).ToArray(), "models")}"))]);

        var (vocabulary, context) = (spec.Architecture.Vocabulary, spec.Architecture.Context);
        if (scoring.Vocabulary != vocabulary || scoring.Context != context)
            return (null, [map.Locate(DiagnosticCatalog.ScoringModelFit.At(path,
                $"{name} has a vocabulary of {scoring.Vocabulary} and a context of {scoring.Context}, but {spec.Model} {vocabulary} and {context}; give them the same"))]);
        return (model with { ScoringModel = "global::" + scoring.Class }, []);
    }
}
