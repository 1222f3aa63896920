using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>The generated C# compiles against the runtime without a warning.</summary>
public sealed class GeneratedCodeTests
{
    [Theory]
    [InlineData(SampleModels.Gpt2Like)]
    [InlineData(SampleModels.LlamaLike)]
    [InlineData(SampleModels.Recurrent)]
    [InlineData(SampleModels.Latent)]
    [InlineData(SampleModels.CustomBlocks)]
    [InlineData(SampleModels.Bf16WithCheckpoint)]
    [InlineData(SampleModels.Scaled)]
    [InlineData(SampleModels.Muon)]
    [InlineData(SampleModels.Averaged)]
    [InlineData(SampleModels.ChosenData)]
    public void Compiles_without_warnings(string yaml)
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", yaml));

        Assert.Empty(run.Diagnostics);
        AssertCompiles(run);
    }

    [Fact]
    public void The_definition_says_how_a_run_is_kept()
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", SampleModels.Guarded));

        Assert.Contains("KeptCheckpoints = 5,", run.Source("Guarded.g.cs"));
        Assert.Contains("CheckpointEvery = 20,", run.Source("Guarded.g.cs"));
        Assert.Contains("OnNan = NanPolicy.Rewind,", run.Source("Guarded.g.cs"));
        AssertCompiles(run);
    }

    [Fact]
    public void The_definition_says_what_is_trained_on()
    {
        var text = GeneratorRun.OfYaml(("tiny.model.yaml", SampleModels.ChosenData)).Source("TinyLm.g.cs");

        Assert.Contains("Curriculum = new CurriculumSpec { Metric = DifficultyMetric.Length, Pacing = PacingKind.Root, From = 8, To = 24, Steps = 200, Multiple = 8 },", text);
        Assert.Contains("Subset = new SubsetSpec { Method = SubsetMethod.SelectiveBackprop, Samples = 1000, Keep = 0.4, Beta = 0.8, Interrupt = 0, Precision = Precision.Bf16 },", text);
    }

    /// <summary>Checkpoints fit the model whatever its training is; a run is continued only under the same training.</summary>
    [Theory]
    [InlineData(SampleModels.Gpt2Like)]
    [InlineData(SampleModels.LlamaLike)]
    [InlineData(SampleModels.Recurrent)]
    [InlineData(SampleModels.Latent)]
    [InlineData(SampleModels.Bf16WithCheckpoint)]
    [InlineData(SampleModels.ChosenData)]
    public void The_hash_is_of_the_model_and_the_training_keys_are_of_its_training(string yaml)
    {
        var (one, other) = (Definition(Regex.Replace(yaml, "batch: [0-9]+", "batch: 3")), Definition(Regex.Replace(yaml, "batch: [0-9]+", "batch: 5")));
        Assert.Equal(Hash(one), Hash(other));
        Assert.NotEqual(Hash(one), Hash(Definition(Regex.Replace(yaml, "context: [0-9]+", "context: 40"))));
        Assert.Contains("\"training.batch = 3\",", one);
        Assert.Contains("\"training.batch = 5\",", other);

        static string Definition(string yaml) =>
            GeneratorRun.OfYaml(("tiny.model.yaml", yaml)).Source($"{Regex.Match(yaml, "model: ([A-Za-z0-9]+)").Groups[1].Value}.g.cs");

        static string Hash(string definition) => Assert.Single(definition.Split('\n'), line => line.Contains("SpecHash ="));
    }

    [Fact]
    public void What_a_curriculum_calls_compiles()
    {
        var run = GeneratorRun.OfYaml(
            ("gpt.model.yaml", SampleModels.Gpt2Like + "  curriculum: { metric: method, pacing: method }\n"),
            ("small.model.yaml", SampleModels.Gpt2Like.Replace("TinyGpt", "Small")),
            ("rho.model.yaml", SampleModels.Gpt2Like.Replace("TinyGpt", "Rho") + "  subset: { method: rho-loss, holdout: Small }\n"));
        run.SetCSharp("Gpt.cs", "using ModelCompiler; namespace Demo; partial class TinyGpt { [Difficulty] static double A(string text) => 1; [Pacing] static double B(double progress) => 1; }").Run();

        Assert.Empty(run.Diagnostics);
        AssertCompiles(run);
    }

    [Fact]
    public void The_loop_is_as_declared()
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", SampleModels.Averaged));

        var definition = run.Source("Averaged.g.cs");
        Assert.All(
            ["Accumulate = 2,", "Decay = DecayKind.Wsd,", "DecayShare = 0.3,", "CoolDown = CoolDownKind.Linear,", "ValidateEvery = 20,", "Patience = 5,", "MinDelta = 0.01,"],
            line => Assert.Contains(line, definition));
        Assert.Contains("averaged weights", definition);
        var training = run.Source("Averaged.Training.g.cs");
        Assert.Contains("new WeightAverage(model.Parameters, decay: 0.99, warmup: false);", training);
        Assert.Contains("_average.Update(StepNumber);", training);
        Assert.Contains("new SgdOptimizer(model.Parameters, momentum: 0.8, nesterov: true, weightDecay: 0.1, vectorDecay: 0, clip: 1);", training);
    }

    [Fact]
    public void A_model_of_adapters_compiles_without_warnings()
    {
        var run = GeneratorRun.OfYaml(("adapted.model.yaml", SampleModels.Adapted));

        AssertCompiles(run);
        Assert.Contains("From = \"base/best.safetensors\",", run.Source("Adapted.g.cs"));
        Assert.DoesNotContain("LinearGradBias", run.Source("Adapted.Training.g.cs"));
    }

    [Fact]
    public void A_model_that_trains_rounded_compiles_without_warnings()
    {
        var run = GeneratorRun.OfYaml(("quantized.model.yaml", SampleModels.Quantized));

        AssertCompiles(run);
        Assert.Contains(", Definition.Quantization);  // products read rounded weights, quantized.model.yaml:10", run.Source("Quantized.g.cs"));
        Assert.Contains("{ Layer = $\"blocks.{i}.attention.qkv", run.Source("Quantized.Parameters.g.cs"));
    }

    [Theory]
    [InlineData("convolution: 4", "convolution")]
    [InlineData("attention: 4", "attention")]
    public void What_remembers_tokens_outside_of_a_block_trains_but_does_not_generate(string layer, string op)
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml",
            $"model: Outside\narchitecture:\n  vocabulary: 256\n  context: 16\n  width: 32\n  blocks:\n    - embedding\n    - {layer}\n    - head\n"));

        AssertCompiles(run);
        Assert.Contains($"cannot generate: its {op} (tiny.model.yaml:8) stands outside of the repeated blocks", run.Source("Outside.g.cs"));
        Assert.DoesNotContain("Outside.Inference.g.cs", run.HintNames);
    }

    [Fact]
    public void Models_live_side_by_side()
    {
        var run = GeneratorRun.OfYaml(
            ("gpt.model.yaml", SampleModels.Gpt2Like), ("llama.model.yaml", SampleModels.LlamaLike), ("custom.model.yaml", SampleModels.CustomBlocks));

        AssertCompiles(run);
    }

    [Theory]
    [InlineData("My-App.2nd", "namespace My_App._2nd")]
    [InlineData("Acme.class", "namespace Acme.@class")]
    [InlineData("Acme.Kernels", "namespace Acme.Kernels")]
    [InlineData("", "")]
    public void Any_root_namespace_will_do(string rootNamespace, string expected)
    {
        var run = new GeneratorRun().SetRootNamespace(rootNamespace).SetYaml("gpt.model.yaml", SampleModels.Gpt2Like).Run();

        Assert.Contains(expected, run.Source("TinyGpt.g.cs"));
        AssertCompiles(run);
    }

    [Fact]
    public void The_namespace_of_the_spec_comes_first()
    {
        var run = GeneratorRun.OfYaml(("gpt.model.yaml", "namespace: Acme.Models\n" + SampleModels.Gpt2Like));

        Assert.Contains("namespace Acme.Models", run.Source("TinyGpt.g.cs"));
        AssertCompiles(run);
    }

    [Theory]
    [InlineData(SampleModels.Gpt2Like, "layers: 2")]
    [InlineData(SampleModels.LlamaLike, "layers: 4")]
    [InlineData(SampleModels.CustomBlocks, "times: 3")]
    [InlineData(SampleModels.Bf16WithCheckpoint, "layers: 6")]
    public void Deep_models_need_about_as_much_code_as_shallow_ones(string yaml, string layers)
    {
        yaml = yaml.Replace("boundaries: [blocks.2, blocks.4]", "every: 1");
        Assert.Contains(layers, yaml);

        var few = Lines(2);
        Assert.InRange(Lines(96), few * 0.9, few * 1.1);

        int Lines(int count)
        {
            var run = GeneratorRun.OfYaml(("tiny.model.yaml", yaml.Replace(layers, $"{layers.Split(' ')[0]} {count}")));
            Assert.DoesNotContain(run.Result.Diagnostics, diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
            return run.Text().Count(letter => letter == '\n');
        }
    }

    [Fact]
    public void The_user_adds_a_part_to_the_class()
    {
        var run = new GeneratorRun()
            .SetYaml("gpt.model.yaml", SampleModels.Gpt2Like)
            .SetCSharp(
                "TinyGpt.cs",
                """
                using ModelCompiler.Runtime;

                namespace Demo;

                /// <summary>Public, so each member of the generated parts needs its documentation.</summary>
                public sealed partial class TinyGpt
                {
                    /// <summary>Of all steps.</summary>
                    public double BestLoss { get; private set; } = double.PositiveInfinity;

                    partial void OnStep(int step, StepResult result) => BestLoss = System.Math.Min(BestLoss, result.Loss);
                }
                """)
            .Run();

        Assert.Empty(run.Diagnostics);
        AssertCompiles(run);
    }

    private static void AssertCompiles(GeneratorRun run)
    {
        var findings = run.Output.GetDiagnostics(TestContext.Current.CancellationToken)
            .Where(diagnostic => diagnostic.Severity > DiagnosticSeverity.Hidden)
            .ToArray();

        if (findings.Length > 0) Assert.Fail(string.Join("\n", findings.Take(10)));
    }
}
