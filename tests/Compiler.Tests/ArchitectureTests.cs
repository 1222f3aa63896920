using System.Runtime.CompilerServices;
using System.Xml.Linq;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests;

/// <summary>References run one way: ModelDsl ← Compiler ← Generators, ModelDsl ← Runtime.</summary>
public class ArchitectureTests
{
    public static TheoryData<string, string[], string[]> Projects => new()
    {
        { "ModelDsl", [], ["PolySharp"] },
        { "Compiler", ["ModelDsl"], ["PolySharp", "YamlDotNet"] },
        { "Generators", ["Compiler", "ModelDsl"], ["Microsoft.CodeAnalysis.Analyzers", "Microsoft.CodeAnalysis.CSharp", "PolySharp"] },
    };

    [Theory]
    [MemberData(nameof(Projects))]
    public void AProjectReferencesTheseAndNoOther(string project, string[] projects, string[] packages)
    {
        Assert.Equal(projects, ProjectReferences(project));
        Assert.Equal(packages, PackageReferences(project));
    }

    [Fact]
    public void TheRuntimeKnowsTheLanguageButNotTheCompiler()
    {
        Assert.Equal(["ModelDsl"], ProjectReferences("Runtime"));
        Assert.DoesNotContain(PackageReferences("Runtime"), p => p.StartsWith("Microsoft.CodeAnalysis") || p == "YamlDotNet");
    }

    [Fact]
    public void TheRuntimeLeavesTheNativePackagesToTheAccelerator() =>
        Assert.DoesNotContain(PackageReferences("Runtime"), p => p.StartsWith("TorchSharp-") || p.StartsWith("libtorch-"));

    [Fact]
    public void EveryProjectHasItsRule()
    {
        string[] projects = [.. Directory.GetDirectories(Path.Combine(Root(), "src")).Select(d => Path.GetFileName(d)!).Order()];
        Assert.Equal(["Compiler", "Generators", "ModelDsl", "Runtime"], projects);
    }

    [Fact]
    public void TheBuiltLanguageUsesTheStandardLibraryAlone() => Assert.Equal(["netstandard"], References(typeof(ModelSpec)));

    [Fact]
    public void TheBuiltCompilerUsesNeitherRoslynNorTorchSharp() =>
        Assert.Equal(["ModelCompiler.ModelDsl", "YamlDotNet", "netstandard"], References(typeof(YamlFrontend)));

    private static string[] References(Type type) =>
        [.. type.Assembly.GetReferencedAssemblies().Select(a => a.Name!).Order(StringComparer.Ordinal)];

    private static string[] ProjectReferences(string project) =>
        [.. Items(project, "ProjectReference").Select(i => Path.GetFileNameWithoutExtension(i)!).Order()];

    private static string[] PackageReferences(string project) => [.. Items(project, "PackageReference").Order()];

    private static IEnumerable<string> Items(string project, string item)
    {
        XDocument file = XDocument.Load(Path.Combine(Root(), "src", project, project + ".csproj"));
        Assert.Empty(file.Descendants("Import"));
        return file.Descendants(item).Select(e => e.Attribute("Include")!.Value);
    }

    private static string Root([CallerFilePath] string path = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../.."));
}
