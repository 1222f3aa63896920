using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Report;
using ModelCompiler.Generators;

namespace ModelCompiler.Benchmarks.Generator;

/// <summary>
/// What the generator costs in an editor, warm: a whole run, an edit of the model, an edit elsewhere, and how much code it
/// writes. Models in attributes cost more per edit, because Roslyn binds their attributes anew in each compilation; what
/// that alone takes is measured beside it.
/// </summary>
internal static class GeneratorBenchmark
{
    private const int Warmup = 20, Runs = 101, Layers = 24;

    public static int Run(string[] args)
    {
        var project = Project("");
        Report("whole run", Median(_ => Driver(SpecFile.OfLayers(Layers)), driver => driver.RunGenerators(project)), "at most 100 ms");

        var file = SpecFile.OfLayers(Layers);
        var warm = Driver(file).RunGenerators(project);
        Report("edit of the model", EditModel(project, warm, file, seed => SpecFile.OfLayers(Layers, seed)), "at most 100 ms");
        Report("unrelated edit", UnrelatedEdit(project, warm), "at most 1 ms");

        Report("all directives, with a teacher: whole run", Median(_ => Driver(SpecFile.OfAllDirectives(), SpecFile.Teacher), driver => driver.RunGenerators(project)), "at most 150 ms");
        var all = SpecFile.OfAllDirectives();
        Report("all directives: edit of the model", EditModel(project, Driver(all, SpecFile.Teacher).RunGenerators(project), all, SpecFile.OfAllDirectives), "at most 150 ms");

        var spec = YamlFrontend.Read(file.GetText().ToString(), file.Path);
        var model = ModelCompilation.Compile(spec.Spec!).Model!;
        var context = new EmitContext(model, spec.Map, "Benchmark");
        Report("  of a whole run, the report", Median(_ => model, m =>
        {
            CostReport.Of(m);
            ReportEmitter.Emit(context);
        }), "at most 5 %");

        var both = Project("[ModelCompiler.Model, ModelCompiler.Decoder(Vocabulary = 256, Context = 64, Layers = 2, Width = 64, Heads = 4)] partial class Tiny;");
        Report("unrelated edit, with a second model in attributes", UnrelatedEdit(both, warm.RunGenerators(both)), "none");
        Report("  of which Roslyn binds the attributes", Median(run => Edit(both, run), Bind), "none");

        var (few, many) = (Lines(project, 2), Lines(project, 96));
        Console.WriteLine($"generated lines: {few} for 2 layers, {many} for 96 ({(double)many / few - 1:+0.0%;-0.0%}; target: within 10 %)");
        return 0;
    }

    private static CSharpCompilation Project(string models) => CSharpCompilation.Create(
        "Benchmark",
        [CSharpSyntaxTree.ParseText("class Program;"), CSharpSyntaxTree.ParseText(models, path: "Models.cs")],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

    private static GeneratorDriver Driver(params ImmutableArray<AdditionalText> files) =>
        CSharpGeneratorDriver.Create(new ModelGenerator()).AddAdditionalTexts(files);

    private static double EditModel(CSharpCompilation project, GeneratorDriver driver, SpecFile file, Func<int, SpecFile> edited)
    {
        Check(driver);
        return Median(
            run => driver = driver.ReplaceAdditionalText(file, file = edited(run)),
            edit => driver = edit.RunGenerators(project));
    }

    private static void Check(GeneratorDriver driver)
    {
        if (driver.GetRunResult().Diagnostics is [var fault, ..]) throw new InvalidOperationException(fault.ToString());
    }

    private static CSharpCompilation Edit(CSharpCompilation project, int run) => project.ReplaceSyntaxTree(
        project.SyntaxTrees[0], CSharpSyntaxTree.ParseText($"class Program {{ int Value() => {run}; }}"));

    private static double UnrelatedEdit(CSharpCompilation project, GeneratorDriver driver)
    {
        Check(driver);
        return Median(run => Edit(project, run), edited => driver = driver.RunGenerators(edited));
    }

    private static void Bind(CSharpCompilation project)
    {
        foreach (var attribute in project.GetTypeByMetadataName("Tiny")!.GetAttributes()) _ = attribute.NamedArguments.Length;
    }

    private static int Lines(CSharpCompilation project, int layers) => Driver(SpecFile.OfLayers(layers)).RunGenerators(project)
        .GetRunResult().GeneratedTrees.Sum(tree => tree.GetText().Lines.Count);

    private static void Report(string what, double milliseconds, string target) =>
        Console.WriteLine($"{what}: {milliseconds:0.00} ms (target: {target})");

    /// <summary>Median milliseconds of <paramref name="measured"/> alone.</summary>
    private static double Median<T>(Func<int, T> prepare, Action<T> measured)
    {
        var times = new List<double>();
        for (var run = 0; run < Warmup + Runs; run++)
        {
            var input = prepare(run);
            var start = Stopwatch.GetTimestamp();
            measured(input);
            if (run >= Warmup) times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return times.Order().ElementAt(Runs / 2);
    }
}
