namespace ModelCompiler.Package.Tests;

/// <summary>Users' projects, which know the package alone.</summary>
public class ProjectTests(PackageFixture package)
{
    [Fact]
    public async Task AModelInYamlTrains()
    {
        string output = await Dotnet.Succeed(package.Project("YamlModel"), "run", "-c", "Release");
        Assert.EndsWith("TinyLm: the loss falls\n", output);
    }

    [Fact]
    public async Task TheBuildPrintsWhatAModelCostsOnce()
    {
        string project = package.Project("YamlModel", "Report");
        string silent = await Dotnet.Succeed(project, "build", "-c", "Release", "-p:ModelCompilerReport=false");
        Assert.DoesNotContain("parameters", silent);

        string first = await Dotnet.Succeed(project, "build", "-c", "Release");
        Assert.Contains("    TinyLm\n        parameters", first);
        Assert.StartsWith("# TinyLm\n\n    parameters", File.ReadAllText(Path.Combine(project, "obj/Release/net10.0/TinyLm.report.md")));
        Assert.DoesNotContain("parameters", await Dotnet.Succeed(project, "build", "-c", "Release"));
    }

    [Fact]
    public async Task AModelInAttributesRunsWhenPublishedForThisMachine()
    {
        string project = package.Project("AttributeModel");
        await Dotnet.Succeed(project, "publish", "-c", "Release", "--use-current-runtime", "--no-self-contained", "-o", "published");
        string output = await Dotnet.Succeed(project, "published/AttributeModel.dll");
        Assert.Equal("TinyLm: 14912 parameters\n", output);
    }

    [Fact]
    public async Task AnotherAnalyzerMayBringAnotherYamlDotNet()
    {
        await Dotnet.Succeed(package.Project("OtherAnalyzer"), "pack", "-c", "Release", "-o", package.Feed);
        string output = await Dotnet.Succeed(package.Project("BesideAnotherAnalyzer"), "run", "-c", "Release");
        Assert.EndsWith("TinyLm; 42 by YamlDotNet 16\n", output);
    }

    [Fact]
    public async Task AnErrorInASpecFailsTheBuildAtItsPlace()
    {
        string project = package.Project("BadSpec");
        Dotnet.Result result = await Dotnet.Run(project, "build", "-c", "Release");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(
            $"{Path.Combine(project, "tiny.model.yaml")}(8,3): error MC1006: unknown key 'headz' in architecture; did you mean 'heads'?",
            result.Output);
    }
}
