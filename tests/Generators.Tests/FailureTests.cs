using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>Faults of the compiler itself: one diagnostic at the model, and the other models are generated all the same.</summary>
public sealed class FailureTests
{
    [Fact]
    public void A_fault_of_a_pass_is_reported_at_its_model()
    {
        var run = Run(new ModelGenerator(
            (spec, teacher) => spec.Model == "TinyGpt" ? throw new InvalidOperationException("no rule\nfor this") : ModelCompilation.Compile(spec, teacher),
            ModelEmitter.Emit));

        Assert.Equal(
            ["gpt.model.yaml(1,8): error MC4999: the compiler failed on TinyGpt: InvalidOperationException: no rule for this; "
             + "please report it with the model's declaration"],
            run.Diagnostics);
        Assert.Contains("Gated.g.cs", run.HintNames);
    }

    [Fact]
    public void A_fault_of_the_emitter_is_reported_at_its_model()
    {
        var run = Run(new ModelGenerator(
            ModelCompilation.Compile,
            (model, map, name) => model.Spec.Model == "TinyGpt" ? throw new InvalidOperationException("no text") : ModelEmitter.Emit(model, map, name)));

        Assert.StartsWith("gpt.model.yaml(1,8): error MC4999: the compiler failed on TinyGpt", Assert.Single(run.Diagnostics));
        Assert.Contains("Gated.g.cs", run.HintNames);
    }

    [Fact]
    public void Cancellation_passes_through()
    {
        using var source = new CancellationTokenSource();
        var generator = new ModelGenerator(
            (_, _) =>
            {
                source.Cancel();
                throw new OperationCanceledException(source.Token);
            },
            ModelEmitter.Emit);

        Assert.ThrowsAny<OperationCanceledException>(
            () => new GeneratorRun(generator).SetYaml("gpt.model.yaml", SampleModels.Gpt2Like).Run(source.Token));
    }

    private static GeneratorRun Run(ModelGenerator generator) => new GeneratorRun(generator)
        .SetYaml("gpt.model.yaml", SampleModels.Gpt2Like)
        .SetYaml("custom.model.yaml", SampleModels.CustomBlocks)
        .Run();
}
