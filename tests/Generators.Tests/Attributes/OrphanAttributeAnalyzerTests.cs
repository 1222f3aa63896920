using Microsoft.CodeAnalysis.Diagnostics;
using ModelCompiler.Generators.Attributes;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Attributes;

public sealed class OrphanAttributeAnalyzerTests
{
    [Fact]
    public async Task An_attribute_without_a_model_is_reported() => Assert.Equal(
        ["Models.cs(2,2): error MC1026: [Training] has no effect on Lm, which is not a model; add [Model]"],
        await Analyze("using ModelCompiler;\n[Training(Batch = 4)]\npartial class Lm;"));

    [Fact]
    public async Task A_model_is_fine() => Assert.Empty(await Analyze(AttributedModels.Gpt2Like));

    private static async Task<string[]> Analyze(string source)
    {
        var compilation = GeneratorRun.OfCSharp(source).Output.WithAnalyzers([new OrphanAttributeAnalyzer()]);
        var diagnostics = await compilation.GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        return [.. diagnostics.Select(diagnostic => diagnostic.ToString())];
    }
}
