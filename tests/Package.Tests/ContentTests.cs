using System.IO.Compression;
using System.Xml.Linq;

namespace ModelCompiler.Package.Tests;

public class ContentTests(PackageFixture package)
{
    [Fact]
    public void ThePackageHoldsTheseFiles()
    {
        using ZipArchive archive = ZipFile.OpenRead(package.Package);
        string[] files =
        [
            "README.md",
            "analyzers/dotnet/cs/ModelCompiler.Compiler.dll",
            "analyzers/dotnet/cs/ModelCompiler.Generators.dll",
            "analyzers/dotnet/cs/ModelCompiler.ModelDsl.dll",
            "analyzers/dotnet/cs/YamlDotNet.dll",
            "buildTransitive/ModelCompiler.props",
            "buildTransitive/ModelCompiler.targets",
            "lib/net10.0/ModelCompiler.ModelDsl.dll",
            "lib/net10.0/ModelCompiler.ModelDsl.xml",
            "lib/net10.0/ModelCompiler.Runtime.dll",
            "lib/net10.0/ModelCompiler.Runtime.xml",
            "schemas/model.schema.json",
            "tools/netstandard2.0/ModelCompiler.Build.Tasks.dll",
        ];
        Assert.Equal(files, archive.Entries.Select(e => e.FullName).Where(IsOurs).Order(StringComparer.Ordinal));
    }

    // The rest of an archive is the format's own.
    private static bool IsOurs(string path) =>
        path != "ModelCompiler.nuspec" && path != "[Content_Types].xml" && !path.StartsWith("_rels/") && !path.StartsWith("package/");

    [Fact]
    public void ItDependsOnWhatTheRuntimeReferences()
    {
        using ZipArchive archive = ZipFile.OpenRead(package.Package);
        using Stream nuspec = archive.GetEntry("ModelCompiler.nuspec")!.Open();
        XDocument document = XDocument.Load(nuspec);
        string[] dependencies = [.. document.Descendants().Where(e => e.Name.LocalName == "dependency").Select(e => e.Attribute("id")!.Value)];

        string[] references = [.. XDocument.Load(PackageFixture.Source("../../src/Runtime/Runtime.csproj"))
            .Descendants("PackageReference")
            .Where(e => e.Attribute("PrivateAssets")?.Value != "all")
            .Select(e => e.Attribute("Include")!.Value)];
        Assert.NotEmpty(references);
        Assert.Subset(dependencies.ToHashSet(), references.Append("TorchSharp-cpu").ToHashSet());
        Assert.DoesNotContain(dependencies, d => d is "YamlDotNet" or "PolySharp" || d.StartsWith("ModelCompiler") || d.StartsWith("Microsoft.CodeAnalysis"));
        Assert.Equal("MIT", document.Descendants().Single(e => e.Name.LocalName == "license").Value);
    }
}
