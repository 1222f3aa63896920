using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;
using ModelCompiler.Generators.Tests.Support;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Generators.Tests.Pairwise;

/// <summary>Every two directives that may be combined are: compiled into one assembly, without warnings, and trained for three steps.</summary>
public sealed class PairwiseTests
{
    [Fact]
    public void Every_pair_of_directives_occurs_or_is_refused_with_a_reason()
    {
        var specs = PairwiseSpecs.Instance;
        Assert.Empty(specs.Missing);
        Assert.True(specs.Covered > 10 * specs.Choices.Count);
        Assert.All(specs.Refused, refused => Assert.True(refused.Reason.Length > 20, refused.Pair));
    }

    [Fact]
    public void All_of_them_are_trained()
    {
        TorchSharp.torch.set_num_threads(1); // for models this small threads only wait for each other
        var specs = PairwiseSpecs.Instance;
        var run = new GeneratorRun().SetYaml("teacher.model.yaml", PairwiseSpecs.Teacher);
        for (var i = 0; i < specs.Choices.Count; i++) run.SetYaml($"pair{i}.model.yaml", specs.Yaml(Name(i), specs.Choices[i]));
        run.Run();
        Assert.DoesNotContain(run.Diagnostics, diagnostic => diagnostic.Contains(": error ", StringComparison.Ordinal));

        using var stream = new MemoryStream();
        var emitted = run.Output.Emit(stream, cancellationToken: TestContext.Current.CancellationToken);
        Assert.DoesNotContain(emitted.Diagnostics, diagnostic => diagnostic.Severity >= Microsoft.CodeAnalysis.DiagnosticSeverity.Warning);
        stream.Position = 0;
        var assembly = AssemblyLoadContext.Default.LoadFromStream(stream);

        var folder = Directory.CreateTempSubdirectory("pairwise-").FullName;
        try
        {
            // In folders, which are the tasks of a model that learns to adapt.
            var text = Path.Combine(folder, "text");
            var random = new Random(1);
            for (var file = 0; file < 32; file++)
            {
                var task = Directory.CreateDirectory(Path.Combine(text, $"{file % 4}")).FullName;
                File.WriteAllText(Path.Combine(task, $"{file}.txt"), string.Join(' ', Enumerable.Range(0, 75).Select(_ => random.Next(1000).ToString(CultureInfo.InvariantCulture))));
            }

            var failures = new List<string>();
            foreach (var name in Enumerable.Range(0, specs.Choices.Count).Select(Name).Prepend("Teacher"))
            {
                var error = Train(assembly.GetType($"{GeneratorRun.RootNamespace}.{name}")!, text, Path.Combine(folder, name));
                if (error is not null) failures.Add($"{error}\n{(name == "Teacher" ? PairwiseSpecs.Teacher : specs.Yaml(name, specs.Choices[int.Parse(name[4..], CultureInfo.InvariantCulture)]))}");
            }

            Assert.True(failures.Count == 0, string.Join("\n\n", failures));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Frozen weights as they are initialized, in a checkpoint.</summary>
    private static string SaveBase(Type type, string path)
    {
        using var model = (ICompiledModel)type.GetMethod("Create")!.Invoke(null, [TorchSharp.torch.CPU, 1])!;
        Adapters.SaveBase(path, model, new RunState { SpecHash = "", TokenizerHash = "", Source = "", SourceTokens = 0, Seed = 1, Steps = 0 });
        return path;
    }

    private static string Name(int index) => string.Create(CultureInfo.InvariantCulture, $"Pair{index}");

    /// <summary>As its users train it.</summary>
    /// <returns>What went wrong; null if nothing.</returns>
    private static string? Train(Type model, string text, string output)
    {
        var error = new StringWriter();
        var (previousOut, previousError) = (Console.Out, Console.Error);
        Console.SetOut(TextWriter.Null);
        Console.SetError(error);
        try
        {
            var description = (ModelDescription)model.GetProperty("Definition")!.GetValue(null)!;
            var program = typeof(ModelProgram).GetMethod(nameof(ModelProgram.Run), BindingFlags.Public | BindingFlags.Static)!.MakeGenericMethod(model);
            string[] sample = description.Training.Objective.Kind == ModelDsl.ObjectiveKind.Causal ? ["--tokens", "2"] : [];
            string[] frozen = description.Adapt is null ? [] : ["--base", SaveBase(model, output + ".safetensors")];
            string[] args = ["--data", text, "--output", output, .. sample, .. frozen];
            return (int)program.Invoke(null, [args])! == ModelProgram.Done ? null : $"{model.Name}: {error}";
        }
        finally
        {
            Console.SetOut(previousOut);
            Console.SetError(previousError);
        }
    }
}
