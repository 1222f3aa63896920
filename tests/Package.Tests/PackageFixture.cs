using System.Reflection;
using System.Runtime.CompilerServices;
using ModelCompiler.Package.Tests;

[assembly: AssemblyFixture(typeof(PackageFixture))]

namespace ModelCompiler.Package.Tests;

/// <summary>
/// The packed package in a folder feed, and a folder for users' projects outside of this repository. They restore into a
/// package folder of their own, so that ModelCompiler comes from the feed; what does not change is taken from the machine's.
/// </summary>
public sealed class PackageFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("modelcompiler-package-");

    public string Feed => Path.Combine(_root.FullName, "feed");

    public string Package => Path.Combine(Feed, "ModelCompiler.0.0.0-test.nupkg");

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Feed);
        string configuration = typeof(PackageFixture).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        await Dotnet.Succeed(
            Path.Combine(Source(".."), "..", "build", "Package"),
            "pack", "--no-build", "-c", configuration, "-o", Feed, "-p:PackageVersion=0.0.0-test");
        string cache = (await Dotnet.Succeed(_root.FullName, "nuget", "locals", "global-packages", "--list"))
            .Split(": ", 2)[1].Trim();

        File.Copy(Source("Projects/Directory.Build.props"), Path.Combine(_root.FullName, "Directory.Build.props"));
        File.WriteAllText(Path.Combine(_root.FullName, "nuget.config"), $"""
            <configuration>
              <packageSources><add key="feed" value="{Feed}" /></packageSources>
              <config><add key="globalPackagesFolder" value="packages" /></config>
              <fallbackPackageFolders><add key="machine" value="{cache}" /></fallbackPackageFolders>
            </configuration>
            """);
    }

    /// <summary>A copy of one of the projects under Projects/.</summary>
    /// <param name="name">Which.</param>
    /// <param name="folder">What the copy's folder is called, if several tests use the project.</param>
    /// <returns>Its folder.</returns>
    public string Project(string name, string? folder = null)
    {
        string target = Path.Combine(_root.FullName, folder ?? name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(Source($"Projects/{name}"))) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return target;
    }

    public ValueTask DisposeAsync()
    {
        _root.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    public static string Source(string path, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, path);
}
