using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ModelCompiler.Generators.Tests.Support;

/// <summary>A project that uses the generator: its C# files, its model files, and a driver that remembers between runs.</summary>
internal sealed class GeneratorRun
{
    public const string RootNamespace = "Demo";

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("ModelCompiler.Generators", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    private readonly Dictionary<string, InMemoryFile> _files = [];
    private CSharpCompilation _compilation;

    public GeneratorRun(ModelGenerator? generator = null)
    {
        _compilation = CSharpCompilation.Create(
            "Demo",
            references: References,
            options: new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                nullableContextOptions: NullableContextOptions.Enable,
                allowUnsafe: true));
        Driver = CSharpGeneratorDriver.Create(
            [(generator ?? new ModelGenerator()).AsSourceGenerator()],
            parseOptions: ParseOptions,
            optionsProvider: new InMemoryOptions(RootNamespace),
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
    }

    public GeneratorDriver Driver { get; private set; }

    public GeneratorDriverRunResult Result => Driver.GetRunResult();

    /// <summary>The project's compilation together with the generated files.</summary>
    public Compilation Output { get; private set; } = null!;

    public static GeneratorRun OfYaml(params (string Path, string Text)[] files)
    {
        var run = new GeneratorRun();
        foreach (var (path, text) in files) run.SetYaml(path, text);
        return run.Run();
    }

    public static GeneratorRun OfCSharp(string source) => new GeneratorRun().SetCSharp("Models.cs", source).Run();

    /// <summary>Adds or replaces a model file.</summary>
    public GeneratorRun SetYaml(string path, string text)
    {
        var file = new InMemoryFile(path, text);
        Driver = _files.TryGetValue(path, out var old)
            ? Driver.ReplaceAdditionalText(old, file)
            : Driver.AddAdditionalTexts([file]);
        _files[path] = file;
        return this;
    }

    /// <summary>Adds or replaces a C# file.</summary>
    public GeneratorRun SetCSharp(string path, string text)
    {
        var tree = CSharpSyntaxTree.ParseText(text, ParseOptions, path, cancellationToken: TestContext.Current.CancellationToken);
        var old = _compilation.SyntaxTrees.FirstOrDefault(existing => existing.FilePath == path);
        _compilation = old is null ? _compilation.AddSyntaxTrees(tree) : _compilation.ReplaceSyntaxTree(old, tree);
        return this;
    }

    public GeneratorRun RemoveYaml(string path)
    {
        _files.Remove(path, out var file);
        Driver = Driver.RemoveAdditionalTexts([file!]);
        return this;
    }

    public GeneratorRun SetRootNamespace(string rootNamespace)
    {
        Driver = Driver.WithUpdatedAnalyzerConfigOptions(new InMemoryOptions(rootNamespace));
        return this;
    }

    public GeneratorRun SetAccelerator(string accelerator)
    {
        Driver = Driver.WithUpdatedAnalyzerConfigOptions(new InMemoryOptions("Demo", accelerator));
        return this;
    }

    public GeneratorRun Run(CancellationToken? cancellation = null)
    {
        Driver = Driver.RunGeneratorsAndUpdateCompilation(
            _compilation, out var output, out _, cancellation ?? TestContext.Current.CancellationToken);
        Output = output;
        return this;
    }

    /// <summary>Why the outputs of a step are what they are, over all models.</summary>
    public IncrementalStepRunReason[] Reasons(string step) =>
        Result.Results.Single().TrackedSteps.TryGetValue(step, out var runs)
            ? [.. runs.SelectMany(run => run.Outputs).Select(output => output.Reason)]
            : [];

    public string[] HintNames => [.. Result.Results.Single().GeneratedSources.Select(source => source.HintName)];

    public string Source(string hintName) =>
        Result.Results.Single().GeneratedSources.Single(source => source.HintName == hintName).SourceText.ToString();

    /// <summary>All generated text, in the order of the hint names.</summary>
    public string Text() => string.Concat(
        Result.Results.Single().GeneratedSources
            .OrderBy(source => source.HintName, StringComparer.Ordinal)
            .Select(source => $"//HintName: {source.HintName}\n{source.SourceText}"));

    /// <summary>Diagnostics as the build prints them: <c>tiny.model.yaml(3,5): error MC1001: …</c>.</summary>
    public string[] Diagnostics => [.. Result.Diagnostics.Select(diagnostic => diagnostic.ToString())];
}
