using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Generators.Attributes;
using ModelCompiler.Generators.Pipeline;
using ModelCompiler.Generators.Yaml;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators;

/// <summary>
/// The Roslyn shell around the compiler. Each step hands an equatable value without Roslyn objects to the next, and each
/// reruns only when its own input has changed:
/// <code>
/// YAML ──┐            ┌─ Spec ─ Compile ─┐
///        ├─ Read ─────┤                  ├─ Locate ─ Emit ─┬─ source
/// attrs ─┘            └─ SourceMap ──────┘                 └─ diagnostics
/// </code>
/// So an unrelated C# edit reruns nothing, and an edit that only moves lines reruns no pass.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    private readonly Steps _steps;

    public ModelGenerator()
        : this(ModelCompilation.Compile, ModelEmitter.Emit)
    {
    }

    internal ModelGenerator(
        Func<ModelSpec, CompilationResult> compile,
        Func<CompiledModel, SourceMap, string, EquatableArray<GeneratedFile>> emit) => _steps = new Steps(compile, emit);

    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var yaml = ModelFiles.In(context)
            .Select((file, _) => Steps.Read(file))
            .WithTrackingName(TrackingNames.Read);
        var attributes = ModelClasses.In(context)
            .Select((declared, _) => Steps.Read(declared))
            .WithTrackingName(TrackingNames.Read);

        var rootNamespace = context.AnalyzerConfigOptionsProvider
            .Select((options, _) => Namespaces.Root(options.GlobalOptions))
            .WithTrackingName(TrackingNames.Namespace);
        var clashes = Places(yaml).Combine(Places(attributes))
            .Select((places, _) => ModelPlaces.Clashing(places.Left.Concat(places.Right)))
            .WithTrackingName(TrackingNames.Clashes);

        Generate(context, yaml, rootNamespace, clashes);
        Generate(context, attributes, rootNamespace, clashes);
    }

    private void Generate(
        IncrementalGeneratorInitializationContext context,
        IncrementalValuesProvider<DeclaredModel> declared,
        IncrementalValueProvider<string> rootNamespace,
        IncrementalValueProvider<EquatableArray<ModelPlace>> clashes)
    {
        var compiled = declared
            .Where(model => model.Result.Spec is not null)
            .Select((model, _) => model.Result.Spec!)
            .WithTrackingName(TrackingNames.Spec)
            .Select((spec, cancellation) => _steps.Compile(spec, cancellation))
            .WithTrackingName(TrackingNames.Compile);

        var emitted = declared
            .Combine(compiled.Collect())
            .Combine(rootNamespace)
            .Combine(clashes)
            .Select((joined, _) =>
            {
                var (((model, results), root), names) = joined;
                return Steps.Locate(model, results, root, names);
            })
            .WithTrackingName(TrackingNames.Locate)
            .Select((model, cancellation) => _steps.Emit(model, cancellation))
            .WithTrackingName(TrackingNames.Emit);

        context.RegisterSourceOutput(
            emitted.SelectMany((model, _) => model.Files),
            (output, file) => output.AddSource(file.HintName, SourceText.From(file.Text, Encoding.UTF8)));
        context.RegisterSourceOutput(
            emitted.SelectMany((model, _) => model.Diagnostics).WithTrackingName(TrackingNames.Diagnose),
            (output, diagnostic) => output.ReportDiagnostic(DiagnosticDescriptors.Create(diagnostic)));
    }

    private static IncrementalValueProvider<ImmutableArray<ModelPlace>> Places(IncrementalValuesProvider<DeclaredModel> declared) =>
        declared.Where(model => model.Result.Spec is not null).Select((model, _) => Steps.Place(model)).Collect();
}
