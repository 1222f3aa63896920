using ModelCompiler.Compiler.Frontends;
using System.Text.RegularExpressions;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Tests.Frontends;
using ModelCompiler.Compiler.Tests.Specs;

namespace ModelCompiler.Compiler.Tests.Diagnostics;

/// <summary>Each diagnostic has a page, and the page tells the truth.</summary>
public class DiagnosticPagesTests
{
    private const string Folder = "docs/diagnostics";

    /// <summary>Reported by the generator, about C# code or several models: its own tests trigger them.</summary>
    private static readonly string[] s_ofGenerator = ["MC1021", "MC1022", "MC1023", "MC1024", "MC1025", "MC1026", "MC2047", "MC2048", "MC2036", "MC2037", "MC2038", "MC2039", "MC2040", "MC2150", "MC2151", "MC2160", "MC2161", "MC2162", "MC2163"];

    public static TheoryData<string> Ids => new(DiagnosticCatalog.All.Select(info => info.Id));

    public static TheoryData<string> IdsOfSpecs => new(DiagnosticCatalog.All.Select(info => info.Id).Where(IsOfSpecs));

    [Fact]
    public void Ids_are_unique_and_titles_too()
    {
        Assert.Equal(DiagnosticCatalog.All.Count, DiagnosticCatalog.All.Select(info => info.Id).Distinct().Count());
        Assert.Equal(DiagnosticCatalog.All.Count, DiagnosticCatalog.All.Select(info => info.Title).Distinct().Count());
        Assert.All(DiagnosticCatalog.All, info => Assert.Matches("^MC[1-4][0-9]{3}$", info.Id));
    }

    [Theory, MemberData(nameof(Ids))]
    public void Every_diagnostic_has_a_page_with_its_title(string id)
    {
        var info = DiagnosticCatalog.All.Single(info => info.Id == id);
        var page = Page(id);
        Assert.StartsWith($"# {id}: {info.Title}\n\n{info.Severity}. {info.Description}\n\n", page, StringComparison.Ordinal);
        Assert.Contains("\n## Example\n", page, StringComparison.Ordinal);
        Assert.Contains("\n## Fix\n", page, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(IdsOfSpecs))]
    public void The_example_triggers_its_diagnostic_and_the_fix_does_not(string id)
    {
        var examples = Regex.Matches(Page(id), "```yaml\n(.*?)```", RegexOptions.Singleline).Select(match => match.Groups[1].Value).ToArray();
        Assert.Equal(2, examples.Length);
        Assert.Equal(id, Assert.Single(Compile(examples[0])));
        Assert.Empty(Compile(examples[1]));
    }

    [Fact]
    public void Every_page_has_its_diagnostic() =>
        Assert.Equal(
            DiagnosticCatalog.All.Select(info => info.Id + ".md").Append("README.md"),
            Directory.GetFiles(Path.Combine(SpecFiles.RepositoryRoot, Folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void The_index_is_fresh() =>
        GeneratedText.AssertFresh(Folder + "/README.md",
            "# Diagnostics\n\nMC1xxx: syntax and schema. MC2xxx: shapes and contradictions. MC3xxx: passes. MC4xxx: targets and build.\n\n"
            + "| id | severity | what |\n|---|---|---|\n"
            + string.Concat(DiagnosticCatalog.All.Select(info =>
                $"| [{info.Id}]({info.Id}.md) | {info.Severity.ToString().ToLowerInvariant()} | {info.Title}: {info.Description} |\n")));

    /// <summary>The ids that reading gives, or else compiling.</summary>
    private static IEnumerable<string> Compile(string text)
    {
        var read = YamlFrontend.Read(text, Reading.Path);
        return read.Diagnostics.Count > 0 || read.Spec is null
            ? Reading.Diagnose(read).Select(diagnostic => diagnostic.Id)
            : ModelCompilation.Compile(read.Spec).Diagnostics.Select(diagnostic => diagnostic.Id);
    }

    private static string Page(string id) => File.ReadAllText(Path.Combine(SpecFiles.RepositoryRoot, Folder, id + ".md"));

    private static bool IsOfSpecs(string id) => !s_ofGenerator.Contains(id) && (id.StartsWith("MC1", StringComparison.Ordinal) || id.StartsWith("MC2", StringComparison.Ordinal) || id.StartsWith("MC3", StringComparison.Ordinal));
}
