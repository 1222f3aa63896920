using ModelCompiler.Compiler.Diagnostics;

namespace ModelCompiler.Generators.Tests;

/// <summary>The release notes of the rules, which Roslyn's release tracking cannot compare with a catalog itself.</summary>
public sealed class AnalyzerReleasesTests
{
    [Fact]
    public void Every_diagnostic_of_the_catalog_is_in_the_release_notes()
    {
        var folder = Path.Combine(Verifier.ProjectDirectory, "../../src/Generators");
        var shipped = File.ReadAllText(Path.Combine(folder, "AnalyzerReleases.Shipped.md"));
        var unshipped = Path.Combine(folder, "AnalyzerReleases.Unshipped.md");
        var rows = DiagnosticCatalog.All
            .Where(info => !shipped.Contains(info.Id, StringComparison.Ordinal))
            .Select(info => $"{info.Id} | ModelCompiler | {info.Severity} | {info.Title}\n");
        var expected = "### New Rules\n\nRule ID | Category | Severity | Notes\n--------|----------|----------|-------\n" + string.Concat(rows);

        if (Verifier.Accept) File.WriteAllText(unshipped, expected);

        Assert.Equal(expected, File.ReadAllText(unshipped));
    }
}
