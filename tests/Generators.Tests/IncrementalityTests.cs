using Microsoft.CodeAnalysis;
using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Generators.Tests.Support;
using static Microsoft.CodeAnalysis.IncrementalStepRunReason;

namespace ModelCompiler.Generators.Tests;

/// <summary>Which steps an edit reruns: the driver tells the reason for each step's output.</summary>
public sealed class IncrementalityTests
{
    private static readonly string[] AllSteps =
    [
        TrackingNames.SpecFiles, TrackingNames.Read, TrackingNames.Spec, TrackingNames.Compile, TrackingNames.Namespace,
        TrackingNames.Clashes, TrackingNames.Locate, TrackingNames.Emit,
    ];

    private static GeneratorRun Project() => new GeneratorRun()
        .SetCSharp("Program.cs", "class Program { int Before() => 1; }")
        .SetYaml("gpt.model.yaml", SampleModels.Gpt2Like)
        .SetYaml("lm.model.yaml", SampleModels.Bf16WithCheckpoint)
        .Run();

    [Fact]
    public void An_unrelated_edit_in_CSharp_reruns_nothing()
    {
        var project = Project().SetCSharp("Program.cs", "class Program { int After() => 2; }").Run();

        foreach (var step in AllSteps) AssertAll(project, step, Cached, Unchanged);
    }

    [Fact]
    public void A_comment_added_above_reruns_the_emitter_but_no_pass()
    {
        var project = Project().SetYaml("gpt.model.yaml", "# A comment moves every line.\n" + SampleModels.Gpt2Like).Run();

        Assert.Contains(Modified, project.Reasons(TrackingNames.Read));
        AssertAll(project, TrackingNames.Spec, Cached, Unchanged);
        AssertAll(project, TrackingNames.Compile, Cached);
        Assert.Equal(1, project.Reasons(TrackingNames.Emit).Count(reason => reason == Modified));
    }

    [Fact]
    public void A_comment_at_the_end_of_a_line_reruns_neither_passes_nor_emitter()
    {
        var project = Project()
            .SetYaml("gpt.model.yaml", SampleModels.Gpt2Like.Replace("layers: 2", "layers: 2 # two blocks"))
            .Run();

        AssertAll(project, TrackingNames.Read, Cached, Unchanged);
        AssertAll(project, TrackingNames.Compile, Cached);
        AssertAll(project, TrackingNames.Emit, Cached);
    }

    [Fact]
    public void A_changed_model_is_compiled_again()
    {
        var project = Project().SetYaml("gpt.model.yaml", SampleModels.Gpt2Like.Replace("width: 48", "width: 96")).Run();

        Assert.Contains(Modified, project.Reasons(TrackingNames.Spec));
        Assert.Contains(Modified, project.Reasons(TrackingNames.Compile));
        Assert.Contains(Modified, project.Reasons(TrackingNames.Emit));
    }

    [Fact]
    public void A_changed_model_leaves_the_other_alone()
    {
        var project = Project().SetYaml("gpt.model.yaml", SampleModels.Gpt2Like.Replace("width: 48", "width: 96")).Run();

        foreach (var step in new[] { TrackingNames.Read, TrackingNames.Spec, TrackingNames.Compile, TrackingNames.Emit })
        {
            var reasons = project.Reasons(step);
            Assert.Equal(2, reasons.Length);
            Assert.Equal(1, reasons.Count(reason => reason is Cached or Unchanged));
        }
    }

    [Fact]
    public void A_changed_root_namespace_reruns_the_emitter_but_no_pass()
    {
        var project = Project().SetRootNamespace("Elsewhere").Run();

        AssertAll(project, TrackingNames.Compile, Cached);
        AssertAll(project, TrackingNames.Emit, Modified);
        Assert.Contains("namespace Elsewhere", project.Text());
    }

    [Theory]
    [InlineData(SampleModels.LlamaLike)]
    [InlineData(SampleModels.Bf16WithCheckpoint)]
    public void A_compilation_made_anew_is_equal(string yaml)
    {
        var spec = YamlFrontend.Read(yaml, "tiny.model.yaml").Spec!;

        Assert.Equal(ModelCompilation.Compile(spec), ModelCompilation.Compile(spec));
        Assert.NotEqual(ModelCompilation.Compile(spec), ModelCompilation.Compile(spec with { Model = "Another" }));
    }

    [Fact]
    public void A_removed_model_takes_its_files_with_it()
    {
        var project = Project().RemoveYaml("gpt.model.yaml").Run();

        Assert.All(project.HintNames, name => Assert.StartsWith("TinyLm.", name));
        Assert.Contains(Removed, project.Reasons(TrackingNames.Emit));
    }

    [Fact]
    public void An_unrelated_edit_in_CSharp_leaves_models_in_attributes_alone()
    {
        var project = AttributedProject().SetCSharp("Program.cs", "class Program { int After() => 2; }").Run();

        AssertAll(project, TrackingNames.AttributedClasses, Cached, Unchanged);
        foreach (var step in AllSteps.Except([TrackingNames.SpecFiles])) AssertAll(project, step, Cached, Unchanged);
    }

    [Fact]
    public void A_line_added_above_attributes_reruns_the_emitter_but_no_pass()
    {
        var project = AttributedProject().SetCSharp("Models.cs", "// A comment.\n" + AttributedModels.LlamaLike).Run();

        AssertAll(project, TrackingNames.AttributedClasses, Modified);
        AssertAll(project, TrackingNames.Spec, Unchanged);
        AssertAll(project, TrackingNames.Compile, Cached);
        AssertAll(project, TrackingNames.Emit, Modified);
    }

    [Fact]
    public void A_member_added_to_the_class_of_a_model_reruns_nothing()
    {
        var project = AttributedProject()
            .SetCSharp("Models.cs", AttributedModels.LlamaLike.Replace("class TinyLlama;", "class TinyLlama { int Added() => 1; }"))
            .Run();

        AssertAll(project, TrackingNames.AttributedClasses, Cached, Unchanged);
        AssertAll(project, TrackingNames.Emit, Cached);
    }

    [Fact]
    public void A_changed_attribute_compiles_its_model_again()
    {
        var project = AttributedProject().SetCSharp("Models.cs", AttributedModels.LlamaLike.Replace("Width = 96", "Width = 192")).Run();

        AssertAll(project, TrackingNames.Compile, Modified);
    }

    private static GeneratorRun AttributedProject() => new GeneratorRun()
        .SetCSharp("Program.cs", "class Program { int Before() => 1; }")
        .SetCSharp("Models.cs", AttributedModels.LlamaLike)
        .Run();

    private static void AssertAll(GeneratorRun project, string step, params IncrementalStepRunReason[] expected)
    {
        var reasons = project.Reasons(step);
        Assert.NotEmpty(reasons);
        Assert.All(reasons, reason => Assert.Contains(reason, expected));
    }
}
