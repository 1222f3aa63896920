using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>Whole generated files, a page a reviewer can read each, in _snapshots.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public Task Gpt2Like() => Verify(SampleModels.Gpt2Like);

    [Fact]
    public Task LlamaLike() => Verify(SampleModels.LlamaLike);

    [Fact]
    public Task CustomBlocks() => Verify(SampleModels.CustomBlocks);

    [Fact]
    public Task Bf16WithCheckpoint() => Verify(SampleModels.Bf16WithCheckpoint);

    [Fact]
    public Task LayerInFp32() => Verify(SampleModels.LayerInFp32);

    [Fact]
    public Task ByHalves() => Verify(SampleModels.ByHalves);

    [Fact]
    public Task Muon() => Verify(SampleModels.Muon);

    [Fact]
    public Task TokenDrop() => Verify(SampleModels.TokenDrop);

    [Fact]
    public Task Pruned() => Verify(SampleModels.Pruned);

    [Fact]
    public Task PrunedParts() => Verify(SampleModels.PrunedParts);

    [Fact]
    public Task Recurrent() => Verify(SampleModels.Recurrent);

    [Fact]
    public Task ChosenData() => Verify(SampleModels.ChosenData);

    [Fact]
    public Task Latent() => Verify(SampleModels.Latent);

    [Fact]
    public Task Albert() => Verify(SampleModels.Albert);

    [Fact]
    public Task Student() => Verifier.Verify(
        GeneratorRun.OfYaml(("student.model.yaml", SampleModels.Student), ("big.model.yaml", SampleModels.Teacher)).Driver);

    [Fact]
    public Task StudentOfLayers() => Verifier.Verify(
        GeneratorRun.OfYaml(("student.model.yaml", SampleModels.StudentOfLayers), ("big.model.yaml", SampleModels.Teacher)).Driver);

    [Fact]
    public Task Packed() => Verify(SampleModels.Packed);

    [Fact]
    public Task Meta() => Verify(SampleModels.Meta);

    private static Task Verify(string yaml, [System.Runtime.CompilerServices.CallerMemberName] string method = "") =>
        Verifier.Verify(GeneratorRun.OfYaml(("tiny.model.yaml", yaml)).Driver, method: method);
}
