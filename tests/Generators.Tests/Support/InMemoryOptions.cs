using System.Diagnostics.CodeAnalysis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelCompiler.Generators.Tests.Support;

/// <summary>What MSBuild tells the compiler: the root namespace, what libtorch runs on, and that each file named <c>*.spec.yaml</c> is a ModelSpec item.</summary>
internal sealed class InMemoryOptions(string rootNamespace, string accelerator = "cpu") : AnalyzerConfigOptionsProvider
{
    public override AnalyzerConfigOptions GlobalOptions { get; } =
        new Options(new() { ["build_property.RootNamespace"] = rootNamespace, ["build_property.ModelCompilerAccelerator"] = accelerator });

    public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => new Options([]);

    public override AnalyzerConfigOptions GetOptions(AdditionalText file) =>
        file.Path.EndsWith(".spec.yaml", StringComparison.Ordinal)
            ? new Options(new() { ["build_metadata.AdditionalFiles.SourceItemGroup"] = "ModelSpec" })
            : new Options([]);

    private sealed class Options(Dictionary<string, string> values) : AnalyzerConfigOptions
    {
        public override bool TryGetValue(string key, [NotNullWhen(true)] out string? value) => values.TryGetValue(key, out value);
    }
}
