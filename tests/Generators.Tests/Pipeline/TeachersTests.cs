using Microsoft.CodeAnalysis;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Pipeline;

/// <summary>Models that learn from others in their project.</summary>
public sealed class TeachersTests
{
    [Fact]
    public void The_forward_pass_of_the_teacher_is_compiled_into_its_student()
    {
        var run = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.Student), ("big.model.yaml", SampleModels.Teacher));

        Assert.Empty(run.Diagnostics);
        Assert.Contains("device => global::Elsewhere.BigLm.Create(device, seed: 0)", run.Source("Student.Teacher.g.cs"));
        Assert.DoesNotContain("BigLm.Teacher.g.cs", run.HintNames);
        Assert.DoesNotContain(run.Output.GetDiagnostics(TestContext.Current.CancellationToken), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    [Theory]
    [InlineData("teacher: BigLm", "teacher: BigLn", "(13,14): error MC2160: the project has no model 'BigLn'; the models are BigLm")]
    [InlineData("teacher: BigLm", "teacher: Student", "(13,14): error MC2160: Student cannot teach itself; name another model")]
    [InlineData("layers: [1, 3]", "layers: [1, 4]", "(18,19): error MC2162: BigLm has 4 layers, numbered from 0, and none with the number 4")]
    [InlineData("layers: [1, 3]", "layers: [1]", "(18,19): error MC2162: Student has 2 layers of parameters, but 1 are given; write one for each")]
    [InlineData("heads: 4", "heads: 2", null)]
    [InlineData("width: 48", "width: 24", "(18,5): error MC2162: 'embedding.weight' is [256, 24] in Student but [256, 48] in BigLm; only layers of the same shape can start as the teacher's: give both the same widths and heads, or remove 'initialize'")]
    public void What_a_student_says_of_its_teacher_must_be_so(string old, string changed, string? expected)
    {
        var run = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.Student.Replace(old, changed)), ("big.model.yaml", SampleModels.Teacher));

        Assert.Equal(expected is null ? [] : ["student.model.yaml" + expected], run.Diagnostics);
        Assert.Equal(expected is null, run.HintNames.Contains("Student.g.cs"));
        Assert.Contains("BigLm.g.cs", run.HintNames);
    }

    [Theory]
    [InlineData("context: 32", "context: 64", "BigLm has a vocabulary of 256 and a context of 64, but Student 256 and 32; give them the same")]
    [InlineData("family: decoder", "family: transformer-xl", "BigLm remembers earlier segments, which the batches of Student do not give it; take a teacher without memory")]
    [InlineData("batch: 2", "data: { tokenizer: json }", "BigLm reads tokens of 'tokenizer.json', but Student of 'tokenizer: bytes'; give them the same in training.data")]
    [InlineData("batch: 2", "objective: masked", null)]
    public void A_teacher_that_does_not_fit_is_an_error(string old, string changed, string? expected)
    {
        var run = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.Student), ("big.model.yaml", SampleModels.Teacher.Replace(old, changed)));

        Assert.Contains(run.Diagnostics, text => text.StartsWith("student.model.yaml(13,14): error MC2161: " + expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(SampleModels.StudentOfLayers)]
    [InlineData(SampleModels.StudentOfCache)]
    public void Generated_students_compile(string student)
    {
        var run = GeneratorRun.OfYaml(("student.model.yaml", student), ("big.model.yaml", SampleModels.Teacher));
        Assert.Empty(run.Diagnostics);
        Assert.DoesNotContain(run.Output.GetDiagnostics(TestContext.Current.CancellationToken), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    /// <summary>Each directive changes how steps are made, and the teacher's pass with them.</summary>
    [Theory]
    [InlineData("efficiency: { adapt: { rank: 2, targets: [blocks] } }", "hidden: 1")]
    [InlineData("efficiency: { token-drop: { from: 8, keep-layers: 0 } }", "weight: 0.3")]
    [InlineData("efficiency: { quantization: { weights: int4, group: 16, method: qat } }", "hidden: 1")]
    [InlineData("efficiency: { precision: fp16 }", "hidden: 1", "accumulate: 3")]
    [InlineData("efficiency: { precision: { compute: bf16, fp32: [head] }, checkpoint: sqrt }", "relations: minilm")]
    [InlineData("efficiency: { precision: bf16 }", "hidden: 1, relations: { heads: 8 }", "curriculum: { metric: length, from: 8 }")]
    [InlineData("efficiency: { precision: bf16 }", "cache: 8", "curriculum: rarity")]
    [InlineData("efficiency: { precision: bf16 }", "weight: 0.3", "subset: infobatch")]
    [InlineData("efficiency: { precision: bf16 }", "hidden: 2", "ema: 0.9", "family: transformer-xl")]
    public void Students_with_other_directives_compile(string efficiency, string distillation, string training = "batch: 3", string family = "family: decoder")
    {
        var student = SampleModels.StudentOfCache.Replace("training:", efficiency + "\ntraining:").Replace("cache: 32", distillation)
            .Replace("batch: 3", training).Replace("family: decoder", family + (family == "family: decoder" ? "" : ", memory: 8, evaluation-memory: 16"));
        var run = GeneratorRun.OfYaml(("student.model.yaml", student), ("big.model.yaml", SampleModels.Teacher));
        Assert.Empty(run.Diagnostics);
        Assert.DoesNotContain(run.Output.GetDiagnostics(TestContext.Current.CancellationToken), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    /// <summary>The teacher has an arena of its own, and no step makes it.</summary>
    [Fact]
    public void A_step_with_kept_predictions_does_not_hold_the_teacher()
    {
        var kept = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.StudentOfCache), ("big.model.yaml", SampleModels.Teacher));
        var alone = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.StudentOfCache.Replace("  distillation: { teacher: BigLm, cache: 32 }\n", "")), ("big.model.yaml", SampleModels.Teacher));

        Assert.DoesNotContain("TeacherProgram", kept.Source("Student.Training.g.cs"));
        Assert.Contains("Teacher.Load(tokens);", kept.Source("Student.Training.g.cs"));
        Assert.Contains("TeacherBytes = 0;", kept.Source("Student.Report.g.cs"));
        // The chunks of both models' logits apart, which are small here.
        Assert.InRange(Arena(kept), Arena(alone), Arena(alone) + (3 * 32 * 256 * 4));

        static long Arena(GeneratorRun run) => long.Parse(
            System.Text.RegularExpressions.Regex.Match(run.Source("Student.Training.g.cs"), "ArenaSize = ([0-9_]+);").Groups[1].Value.Replace("_", ""),
            System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData("layers: [1, 3]", "layers: [1, 3, 3]", "(16,5): error MC2162: Student has 2 layers, but 3 are given; write one for each")]
    [InlineData("layers: [1, 3]", "layers: [1, 4]", "(16,5): error MC2162: BigLm has 4 layers, numbered from 0, and none with the number 4")]
    [InlineData("heads: 8, weight", "heads: 5, weight", "(15,42): error MC2162: 5 relation heads do not divide a width of 32; write a divisor of all widths of queries and keys")]
    [InlineData("kind: minilm-v2, heads: 8", "kind: minilm", null)]
    public void Layers_that_do_not_fit_are_an_error(string old, string changed, string? expected)
    {
        var run = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.StudentOfLayers.Replace(old, changed)), ("big.model.yaml", SampleModels.Teacher));
        Assert.Equal(expected is null ? [] : ["student.model.yaml" + expected], run.Diagnostics);
    }

    [Fact]
    public void A_teacher_of_another_vocabulary_does_not_fit()
    {
        var teacher = SampleModels.Teacher.Replace("vocabulary: 256", "vocabulary: 512").Replace("batch: 2", "data: { tokenizer: bpe }");
        var run = GeneratorRun.OfYaml(("student.model.yaml", SampleModels.Student), ("big.model.yaml", teacher));

        Assert.Equal(
            "student.model.yaml(13,14): error MC2161: BigLm has a vocabulary of 512 and a context of 32, but Student 256 and 32; give them the same",
            Assert.Single(run.Diagnostics));
    }

    [Fact]
    public void A_project_without_other_models_is_told_to_declare_one() => Assert.Equal(
        "student.model.yaml(13,14): error MC2160: the project has no model 'BigLm'; declare it, in a file such as biglm.model.yaml",
        Assert.Single(GeneratorRun.OfYaml(("student.model.yaml", SampleModels.Student)).Diagnostics));

    [Fact]
    public void A_student_is_compiled_anew_only_when_its_teacher_changes()
    {
        var run = GeneratorRun.OfYaml(
            ("student.model.yaml", SampleModels.Student), ("big.model.yaml", SampleModels.Teacher), ("gpt.model.yaml", SampleModels.Gpt2Like));

        run.SetYaml("gpt.model.yaml", SampleModels.Gpt2Like.Replace("batch: 4", "batch: 5")).Run();
        Assert.Equal(1, run.Reasons(TrackingNames.Compile).Count(reason => reason == IncrementalStepRunReason.Modified));

        run.SetYaml("big.model.yaml", SampleModels.Teacher.Replace("layers: 4", "layers: 5")).Run();
        Assert.Equal(2, run.Reasons(TrackingNames.Compile).Count(reason => reason == IncrementalStepRunReason.Modified));
    }
}
