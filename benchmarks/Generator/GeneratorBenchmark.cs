using System.Diagnostics;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelCompiler.Generators;

namespace ModelCompiler.Benchmarks.Generator;

/// <summary>
/// What the generator costs in an editor, warm: a whole run, an edit of the model, an unrelated edit, and how much code it
/// writes. The project has two models: one of 24 layers in YAML, and a small one in attributes.
/// </summary>
internal static class GeneratorBenchmark
{
    private const int Warmup = 20, Runs = 50;

    public static int Run(string[] args)
    {
        var compilation = CSharpCompilation.Create(
            "Benchmark",
            [
                CSharpSyntaxTree.ParseText("class Program { int Value() => 0; }", path: "Program.cs"),
                CSharpSyntaxTree.ParseText(
                    "[ModelCompiler.Model, ModelCompiler.Decoder(Vocabulary = 256, Context = 64, Layers = 2, Width = 64, Heads = 4)] partial class InAttributes;",
                    path: "Models.cs"),
            ],
            [
                MetadataReference.CreateFromFile(typeof(object).Assembly.Location),
                MetadataReference.CreateFromFile(Assembly.Load("netstandard").Location),
                MetadataReference.CreateFromFile(typeof(ModelAttribute).Assembly.Location),
            ],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

        var whole = Median(_ => Driver(Spec(layers: 24)), driver => driver.RunGenerators(compilation));
        Report("24 layers, whole run", whole, 100);

        var edited = Driver(Spec(layers: 24)).RunGenerators(compilation);
        var semantic = Median(
            run => edited = edited.ReplaceAdditionalText(s_file!, s_file = new SpecFile(Spec(layers: 24, seed: run))),
            driver => edited = driver.RunGenerators(compilation));
        Report("24 layers, edit of the model", semantic, 100);

        var unrelated = Median(
            run => compilation = compilation.ReplaceSyntaxTree(
                compilation.SyntaxTrees[0],
                CSharpSyntaxTree.ParseText($"class Program {{ int Value() => {run}; }}", path: "Program.cs")),
            changed => edited = edited.RunGenerators(changed));
        Report("24 layers, unrelated edit", unrelated, 1);

        var files = edited.GetRunResult().GeneratedTrees;
        Console.WriteLine($"generated files of the two models: {files.Length}");
        var (few, many) = (Lines(2), Lines(96));
        var growth = (double)many / few - 1;
        Console.WriteLine($"generated lines: {few} for 2 layers, {many} for 96 ({growth:+0.0%;-0.0%}; target within 10 %)");
        return 0;

        int Lines(int layers) => Driver(Spec(layers)).RunGenerators(compilation).GetRunResult()
            .GeneratedTrees.Where(tree => Path.GetFileName(tree.FilePath).StartsWith("BenchmarkLm.", StringComparison.Ordinal))
            .Sum(tree => tree.GetText().Lines.Count);
    }

    private static SpecFile? s_file;

    private static GeneratorDriver Driver(string spec) => CSharpGeneratorDriver
        .Create(new ModelGenerator())
        .AddAdditionalTexts([s_file = new SpecFile(spec)]);

    private static void Report(string what, double milliseconds, double target) =>
        Console.WriteLine($"{what}: {milliseconds:0.00} ms (median of {Runs}; target at most {target} ms)");

    /// <summary>Milliseconds of <paramref name="measured"/> alone.</summary>
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

    private static string Spec(int layers, int seed = 1) =>
        $$"""
        model: BenchmarkLm
        architecture:
          family: decoder
          vocabulary: 50304
          context: 1024
          layers: {{layers}}
          width: 1024
          heads: 16
          kv-heads: 4
          position: rope
          norm: rms
          qk-norm: true
          mlp: { kind: swiglu, hidden: 2816 }
          bias: false
          dropout: 0.1
        efficiency:
          precision: { compute: bf16, master: fp32 }
          checkpoint: { every: 2 }
        training:
          batch: 8
          seed: {{seed}}
          data: { tokenizer: bpe }
        """;
}
