using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Generators.Attributes;
using ModelCompiler.Generators.Pipeline;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Methods;

/// <summary>Finds the methods of model classes that generated code is to call, and says which of them it cannot.</summary>
internal static class MarkedMethods
{
    public static IncrementalValueProvider<EquatableArray<MarkedMethod>> In(IncrementalGeneratorInitializationContext context) =>
        Marked(context, "ModelCompiler.DifficultyAttribute", UserMethodKind.Difficulty).Collect()
            .Combine(Marked(context, "ModelCompiler.PacingAttribute", UserMethodKind.Pacing).Collect())
            .Combine(Marked(context, "ModelCompiler.TasksAttribute", UserMethodKind.Tasks).Collect())
            .Select((methods, _) => methods.Left.Left.Concat(methods.Left.Right).Concat(methods.Right).ToEquatableArray())
            .WithTrackingName(TrackingNames.MarkedMethods);

    /// <summary>Gives a compiled model the methods that it calls.</summary>
    /// <param name="model">The model.</param>
    /// <param name="class">Its class, with the namespace.</param>
    /// <param name="methods">Those of the project.</param>
    /// <param name="map">Where the model was declared.</param>
    /// <returns>The model, or null beside a diagnostic that is an error.</returns>
    public static (CompiledModel? Model, IEnumerable<LocatedDiagnostic> Diagnostics) Join(
        CompiledModel model, string @class, EquatableArray<MarkedMethod> methods, SourceMap map)
    {
        var (joined, diagnostics) = (new List<UserMethod>(), new List<LocatedDiagnostic>());
        foreach (var (kind, section, key, isWanted) in Wanted(model.Spec.Training))
        {
            var marked = methods.Where(method => method.Kind == kind && method.Class == @class).ToArray();
            if (!isWanted)
                diagnostics.AddRange(marked.Select(method => DiagnosticCatalog.MethodNoEffect.At(method.Path, method.Span,
                    $"{method.Name} is marked with [{kind}], but {model.Spec.Model} does not call it; write '{key}: method' in its {section} or remove the mark")));
            else if (marked is [{ Fits: true } method])
                joined.Add(new UserMethod(kind, method.Name));
            else if (marked is [var wrong])
                diagnostics.Add(DiagnosticCatalog.MethodSignature.At(wrong.Path, wrong.Span,
                    $"{wrong.Name} cannot be called; write '{wrong.Signature}'"));
            else
                diagnostics.Add(map.Locate(DiagnosticCatalog.MethodMissing.At($"training.{section}.{key}", marked.Length == 0
                    ? $"'{key}: method' calls a method of the class {@class}, and none is marked; add '[{kind}] {new MarkedMethod(kind, "", "Name", true, "", default).Signature}' to 'partial class {model.Spec.Model}'"
                    : $"'{key}: method' calls one method of the class {@class}, but {string.Join(" and ", marked.Select(m => m.Name))} are marked with [{kind}]; keep one mark")));
        }

        var failed = diagnostics.Any(diagnostic => diagnostic.Severity == Compiler.Diagnostics.DiagnosticSeverity.Error);
        return (failed ? null : model with { Methods = joined.ToEquatableArray() }, diagnostics);
    }

    /// <summary>Marked methods in classes that are no models, which nothing would ever call.</summary>
    public static IEnumerable<LocatedDiagnostic> Orphans(EquatableArray<MarkedMethod> methods, IEnumerable<string> classes)
    {
        var known = new HashSet<string>(classes, StringComparer.Ordinal);
        return methods.Where(method => !known.Contains(method.Class)).Select(method => DiagnosticCatalog.MethodNoEffect.At(method.Path, method.Span,
            $"{method.Name} is marked with [{method.Kind}], but {method.Class} is no model; move it to the class of a model or remove the mark"));
    }

    private static IEnumerable<(UserMethodKind Kind, string Section, string Key, bool IsWanted)> Wanted(TrainingSpec training) =>
    [
        (UserMethodKind.Difficulty, "curriculum", "metric", training.Curriculum?.Metric == DifficultyMetric.Method),
        (UserMethodKind.Pacing, "curriculum", "pacing", training.Curriculum?.Pacing == PacingKind.Method),
        (UserMethodKind.Tasks, "meta", "by", training.Meta?.By == TaskKind.Method),
    ];

    private static IncrementalValuesProvider<MarkedMethod> Marked(
        IncrementalGeneratorInitializationContext context, string attribute, UserMethodKind kind) =>
        context.SyntaxProvider.ForAttributeWithMetadataName(attribute, (node, _) => node is MethodDeclarationSyntax, (found, _) => Read(found, kind));

    private static MarkedMethod Read(GeneratorAttributeSyntaxContext context, UserMethodKind kind)
    {
        var (symbol, syntax) = ((IMethodSymbol)context.TargetSymbol, (MethodDeclarationSyntax)context.TargetNode);
        var (takes, gives) = kind switch
        {
            UserMethodKind.Difficulty => ("string", "double"),
            UserMethodKind.Pacing => ("double", "double"),
            _ => ("ModelCompiler.Runtime.Tokenizers.ITextTokenizer", "ModelCompiler.Runtime.Data.Tasks.ITaskSource"),
        };
        var fits = symbol is { IsStatic: true, IsGenericMethod: false, RefKind: RefKind.None, Parameters: [{ RefKind: RefKind.None } only] }
            && only.Type.ToDisplayString() == takes && symbol.ReturnType.ToDisplayString() == gives;
        return new MarkedMethod(
            kind, symbol.ContainingType.ToDisplayString(), symbol.Name, fits, syntax.SyntaxTree.FilePath, Spans.Of(syntax.Identifier.GetLocation()));
    }
}
