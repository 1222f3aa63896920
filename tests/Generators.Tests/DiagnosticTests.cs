using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>Diagnostics as the build shows them: file, line, column, id.</summary>
public sealed class DiagnosticTests
{
    [Theory]
    [InlineData("cpu", 1)]
    [InlineData("cuda", 0)]
    public void Fp8_is_for_gpus(string accelerator, int errors)
    {
        var yaml = SampleModels.Gpt2Like.Replace("training:", "efficiency:\n  precision: { compute: bf16, fp8: [blocks] }\ntraining:");
        var run = new GeneratorRun().SetAccelerator(accelerator).SetYaml("gpt.model.yaml", yaml).Run();

        Assert.Equal(errors, run.Diagnostics.Count(text => text.Contains("error MC2048: a CPU has no fp8 products")));
        Assert.Contains("Kernels.RequireFp8(model.Device);", run.Source("TinyGpt.Training.g.cs"));
        Assert.Contains("Kernels.LinearFp8GradWeight(", run.Source("TinyGpt.Training.g.cs"));
        Assert.DoesNotContain("Fp8", run.Source("TinyGpt.Inference.g.cs"));
        Assert.DoesNotContain(run.Output.GetDiagnostics(TestContext.Current.CancellationToken), d => d.Severity == Microsoft.CodeAnalysis.DiagnosticSeverity.Error);
    }

    [Theory]
    [InlineData("cpu", 1)]
    [InlineData("cuda", 0)]
    public void Tf32_is_for_gpus(string accelerator, int warnings)
    {
        var yaml = SampleModels.Gpt2Like.Replace("training:", "efficiency:\n  precision: { compute: fp32, tf32: true }\ntraining:");
        var run = new GeneratorRun().SetAccelerator(accelerator).SetYaml("gpt.model.yaml", yaml).Run();

        Assert.Equal(warnings, run.Diagnostics.Count(text => text.Contains("warning MC2047: 'tf32' has no effect on a CPU")));
        Assert.Contains("if (device.type == TorchSharp.DeviceType.CUDA) backends.cuda.matmul.allow_tf32 = true;", run.Source("TinyGpt.g.cs"));
        Assert.DoesNotContain(run.Output.GetDiagnostics(TestContext.Current.CancellationToken), d => d.Severity == Microsoft.CodeAnalysis.DiagnosticSeverity.Error);
    }

    [Fact]
    public void Samples_for_gpus_are_compiled_for_them()
    {
        var run = new GeneratorRun().SetAccelerator("cuda");
        var samples = Directory.GetFiles(Path.Combine(Here(), "..", "..", "samples", "Techniques", "Cuda"), "*.model.yaml");
        foreach (var sample in samples) run.SetYaml(Path.GetFileName(sample), File.ReadAllText(sample));
        run.Run();

        Assert.NotEmpty(samples);
        Assert.Empty(run.Diagnostics);
        Assert.DoesNotContain(run.Output.GetDiagnostics(TestContext.Current.CancellationToken), d => d.Severity == DiagnosticSeverity.Error);

        static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
    }

    [Fact]
    public void An_unknown_key_is_reported_where_it_stands()
    {
        var run = GeneratorRun.OfYaml(("models/gpt.model.yaml", SampleModels.Gpt2Like.Replace("  heads:", "  head:")));

        Assert.Contains(run.Diagnostics, text => text.StartsWith("models/gpt.model.yaml(8,3): error MC1006:", StringComparison.Ordinal));
        Assert.Empty(run.HintNames);
    }

    [Fact]
    public void What_the_validator_finds_is_reported_where_it_stands()
    {
        var run = GeneratorRun.OfYaml(("gpt.model.yaml", SampleModels.Gpt2Like.Replace("heads: 4", "heads: 5")));

        Assert.StartsWith("gpt.model.yaml(8,10): error MC2001:", Assert.Single(run.Diagnostics));
        Assert.Empty(run.HintNames);
    }

    [Fact]
    public void A_diagnostic_carries_its_line_span()
    {
        var run = GeneratorRun.OfYaml(("gpt.model.yaml", SampleModels.Gpt2Like.Replace("  heads:", "  head:")));

        var span = run.Result.Diagnostics.First(diagnostic => diagnostic.Id == "MC1006").Location.GetLineSpan();

        Assert.Equal("gpt.model.yaml", span.Path);
        Assert.Equal("(7,2)-(7,6)", span.Span.ToString());
    }

    [Fact]
    public void A_ModelSpec_item_may_have_any_name()
    {
        var run = GeneratorRun.OfYaml(("any.spec.yaml", SampleModels.Gpt2Like), ("other.yaml", "not: [ours"));

        Assert.Empty(run.Diagnostics);
        Assert.Contains("TinyGpt.g.cs", run.HintNames);
    }

    [Fact]
    public void Two_models_of_one_name_are_reported_at_both_places()
    {
        var run = GeneratorRun.OfYaml(
            ("a.model.yaml", SampleModels.Gpt2Like),
            ("b.model.yaml", "# comment\n" + SampleModels.Gpt2Like.Replace("TinyGpt", "TINYGPT")),
            ("c.model.yaml", SampleModels.CustomBlocks));

        Assert.Equal(
            ["a.model.yaml(1,8): error MC1021: the project has another model named TinyGpt, at b.model.yaml(2); rename one",
             "b.model.yaml(2,8): error MC1021: the project has another model named TINYGPT, at a.model.yaml(1); rename one"],
            run.Diagnostics.Order());
        Assert.All(run.HintNames, name => Assert.StartsWith("Gated.", name));
    }
}
