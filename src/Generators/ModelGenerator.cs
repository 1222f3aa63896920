using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Generators.Attributes;
using ModelCompiler.Generators.Methods;
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
        Func<ModelSpec, TeacherChoice?, CompilationResult> compile,
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
        var accelerator = context.AnalyzerConfigOptionsProvider
            .Select((options, _) => options.GlobalOptions.TryGetValue("build_property.ModelCompilerAccelerator", out var name) ? name : "")
            .WithTrackingName(TrackingNames.Accelerator);
        var clashes = Places(yaml).Combine(Places(attributes))
            .Select((places, _) => ModelPlaces.Clashing(places.Left.Concat(places.Right)))
            .WithTrackingName(TrackingNames.Clashes);

        var models = Declared(yaml).Combine(Declared(attributes)).Combine(rootNamespace)
            .Select((joined, _) => joined.Left.Left.Concat(joined.Left.Right).Select(model => Steps.Facts(model, joined.Right)).ToEquatableArray())
            .WithTrackingName(TrackingNames.Models);
        var methods = MarkedMethods.In(context);
        var project = rootNamespace.Combine(accelerator).Combine(clashes).Combine(models.Combine(methods))
            .Select((joined, _) => new Project(
                joined.Left.Left.Left, joined.Left.Left.Right, joined.Left.Right, joined.Right.Left, joined.Right.Right));

        var specs = Declared(yaml).Combine(Declared(attributes))
            .Select((both, _) => both.Left.Concat(both.Right).Select(model => model.Result.Spec!).ToEquatableArray())
            .WithTrackingName(TrackingNames.Specs);

        Generate(context, yaml, specs, project);
        Generate(context, attributes, specs, project);
        context.RegisterSourceOutput(
            project.SelectMany((all, _) => MarkedMethods.Orphans(all.Methods, all.Models.Select(model => model.Class))),
            (output, diagnostic) => output.ReportDiagnostic(DiagnosticDescriptors.Create(diagnostic)));
    }

    private void Generate(
        IncrementalGeneratorInitializationContext context, IncrementalValuesProvider<DeclaredModel> declared,
        IncrementalValueProvider<EquatableArray<ModelSpec>> specs, IncrementalValueProvider<Project> project)
    {
        var compiled = declared
            .Where(model => model.Result.Spec is not null)
            .Select((model, _) => model.Result.Spec!)
            .WithTrackingName(TrackingNames.Spec)
            .Combine(specs)
            .Select((joined, _) => new CompilerInput(joined.Left, TeacherChoice.Of(joined.Left, joined.Right)))
            .WithTrackingName(TrackingNames.Teacher)
            .Select((input, cancellation) => _steps.Compile(input, cancellation))
            .WithTrackingName(TrackingNames.Compile);

        var emitted = declared
            .Combine(compiled.Collect())
            .Combine(project)
            .Select((joined, _) => Steps.Locate(joined.Left.Left, joined.Left.Right, joined.Right))
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

    private static IncrementalValueProvider<ImmutableArray<DeclaredModel>> Declared(IncrementalValuesProvider<DeclaredModel> declared) =>
        declared.Where(model => model.Result.Spec is not null).Collect();
}
